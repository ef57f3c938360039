// Block ciphers in their modes, all libgcrypt's. The words are the stock tools'.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace oxbow::codec {

enum class CipherAlgorithm : uint8_t {
  aes_128,
  aes_192,
  aes_256,
  cast5_128,
  serpent_128,
  serpent_192,
  serpent_256,
  twofish_128,
  twofish_192,
  twofish_256,
};

enum class CipherMode : uint8_t { ecb, cbc, xts, ctr };

/// "aes-256".
[[nodiscard]] std::string_view name_of(CipherAlgorithm cipher);
[[nodiscard]] std::optional<CipherAlgorithm> find_cipher(std::string_view name);
/// "aes": the name without a key size, as LUKS headers have it.
[[nodiscard]] std::string_view family_of(CipherAlgorithm cipher);
/// By family and bytes of one key.
[[nodiscard]] std::optional<CipherAlgorithm> find_cipher(std::string_view family, size_t key_size);
/// Bytes of one key; XTS takes two.
[[nodiscard]] size_t key_size(CipherAlgorithm cipher);
[[nodiscard]] size_t block_size(CipherAlgorithm cipher);

[[nodiscard]] std::string_view name_of(CipherMode mode);
[[nodiscard]] std::optional<CipherMode> find_mode(std::string_view name);
/// Bytes of the whole key in this mode.
[[nodiscard]] size_t key_size(CipherAlgorithm cipher, CipherMode mode);

/// A cipher with its key; for one thread at a time.
class Cipher {
 public:
  /// unsupported where the mode does not go with the cipher ("Unsupported cipher mode xts").
  static Result<Cipher> create(CipherAlgorithm cipher, CipherMode mode,
                               std::span<const std::byte> key);
  Cipher(Cipher&& other) noexcept;
  Cipher& operator=(Cipher&& other) noexcept;
  ~Cipher();

  /// `iv` is a block long; without meaning for ecb. `in` and `out` are of one length, whole blocks,
  /// and may be the same memory.
  Result<void> encrypt(std::span<const std::byte> iv, std::span<const std::byte> in,
                       std::span<std::byte> out);
  Result<void> decrypt(std::span<const std::byte> iv, std::span<const std::byte> in,
                       std::span<std::byte> out);

 private:
  Cipher(void* handle, CipherMode mode) : handle_(handle), mode_(mode) {}
  Result<void> set_iv(std::span<const std::byte> iv);

  void* handle_;
  CipherMode mode_;
};

}  // namespace oxbow::codec
