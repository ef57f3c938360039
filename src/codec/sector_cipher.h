// Encryption by 512-byte sectors, each with an initial vector of its own that its number gives:
// how LUKS volumes and encrypted qcow2 images are stored.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "codec/cipher.h"
#include "codec/hash.h"
#include "codec/secret_bytes.h"

namespace oxbow::codec {

inline constexpr size_t sector_bytes = 512;

/// How a sector's number becomes its initial vector.
enum class IvGenerator : uint8_t {
  plain,    ///< its lower 32 bits, little-endian
  plain64,  ///< all of it, little-endian
  essiv,    ///< that, encrypted by a key that is the digest of the volume's key
};

[[nodiscard]] std::string_view name_of(IvGenerator generator);
[[nodiscard]] std::optional<IvGenerator> find_iv_generator(std::string_view name);

struct SectorCipherSpec {
  CipherAlgorithm cipher = CipherAlgorithm::aes_256;
  CipherMode mode = CipherMode::xts;
  IvGenerator generator = IvGenerator::plain64;
  std::optional<HashAlgorithm> generator_hash;  ///< set for essiv
};

/// The cipher that encrypts the initial vectors of essiv. Errors are the stock tool's sentences.
Result<CipherAlgorithm> essiv_cipher(const SectorCipherSpec& spec);

/// May be used by several threads at once.
class SectorCipher {
 public:
  static Result<std::unique_ptr<SectorCipher>> create(const SectorCipherSpec& spec,
                                                      std::span<const std::byte> key);

  /// Whole sectors, the first of them number `sector`. `in` and `out` are of one length and may be
  /// the same memory.
  Result<void> encrypt(uint64_t sector, std::span<const std::byte> in, std::span<std::byte> out);
  Result<void> decrypt(uint64_t sector, std::span<const std::byte> in, std::span<std::byte> out);

 private:
  // What one thread works with.
  struct Engine {
    Cipher cipher;
    std::optional<Cipher> essiv;
  };

  SectorCipher(const SectorCipherSpec& spec, SecretBytes key, SecretBytes essiv_key)
      : spec_(spec), key_(std::move(key)), essiv_key_(std::move(essiv_key)) {}

  [[nodiscard]] Result<Engine> make_engine() const;
  Result<Engine> borrow();
  void give_back(Engine engine);
  Result<void> make_iv(Engine& engine, uint64_t sector, std::span<std::byte> iv) const;
  template <class Step>
  Result<void> each_sector(uint64_t sector, std::span<const std::byte> in, std::span<std::byte> out,
                           Step step);

  SectorCipherSpec spec_;
  SecretBytes key_;
  SecretBytes essiv_key_;
  std::mutex mutex_;
  std::vector<Engine> idle_;  // guarded by mutex_
};

}  // namespace oxbow::codec
