#include "codec/sector_cipher.h"

#include <array>

#include "base/bytes.h"

namespace oxbow::codec {
namespace {

constexpr std::string_view generator_names[] = {"plain", "plain64", "essiv"};
constexpr size_t largest_block = 16;

// As the stock tool writes them.
std::string_view essiv_word(std::string_view family) {
  if (family == "aes") return "AES";
  if (family == "serpent") return "Serpent";
  return "Twofish";
}

}  // namespace

std::string_view name_of(IvGenerator generator) {
  return generator_names[static_cast<size_t>(generator)];
}

std::optional<IvGenerator> find_iv_generator(std::string_view name) {
  for (const auto generator : {IvGenerator::plain, IvGenerator::plain64, IvGenerator::essiv}) {
    if (name_of(generator) == name) return generator;
  }
  return std::nullopt;
}

Result<CipherAlgorithm> essiv_cipher(const SectorCipherSpec& spec) {
  const std::string_view family = family_of(spec.cipher);
  if (family == "cast5") {
    return fail(ErrorKind::unsupported,
                "Cipher " + std::string(name_of(spec.cipher)) + " not supported with essiv",
                EINVAL);
  }
  const size_t length = digest_size(spec.generator_hash.value_or(HashAlgorithm::sha256));
  if (const auto found = find_cipher(family, length)) return *found;
  return fail(ErrorKind::unsupported,
              "No " + std::string(essiv_word(family)) + " cipher with key size " +
                  std::to_string(length) + " available",
              EINVAL);
}

Result<std::unique_ptr<SectorCipher>> SectorCipher::create(const SectorCipherSpec& spec,
                                                           std::span<const std::byte> key) {
  SecretBytes essiv_key;
  if (spec.generator == IvGenerator::essiv) {
    TRY(essiv_cipher(spec));
    TRY_ASSIGN(essiv_key, digest(spec.generator_hash.value_or(HashAlgorithm::sha256), key));
  }
  std::unique_ptr<SectorCipher> out(new SectorCipher(spec, SecretBytes(key), std::move(essiv_key)));
  TRY_ASSIGN(Engine first, out->make_engine());  // whether it can be made at all
  out->give_back(std::move(first));
  return out;
}

Result<SectorCipher::Engine> SectorCipher::make_engine() const {
  TRY_ASSIGN(Cipher cipher, Cipher::create(spec_.cipher, spec_.mode, key_.span()));
  Engine engine{std::move(cipher), std::nullopt};
  if (spec_.generator == IvGenerator::essiv) {
    TRY_ASSIGN(const CipherAlgorithm algorithm, essiv_cipher(spec_));
    TRY_ASSIGN(Cipher essiv, Cipher::create(algorithm, CipherMode::ecb, essiv_key_.span()));
    engine.essiv.emplace(std::move(essiv));
  }
  return engine;
}

Result<SectorCipher::Engine> SectorCipher::borrow() {
  {
    const std::lock_guard guard(mutex_);
    if (!idle_.empty()) {
      Engine engine = std::move(idle_.back());
      idle_.pop_back();
      return engine;
    }
  }
  return make_engine();
}

void SectorCipher::give_back(Engine engine) {
  const std::lock_guard guard(mutex_);
  idle_.push_back(std::move(engine));
}

// `iv`: one block.
Result<void> SectorCipher::make_iv(Engine& engine, uint64_t sector, std::span<std::byte> iv) const {
  if (spec_.generator == IvGenerator::plain) sector = static_cast<uint32_t>(sector);
  std::ranges::fill(iv, std::byte{0});
  store_le(iv.data(), sector);
  if (!engine.essiv) return {};
  return engine.essiv->encrypt({}, iv, iv);
}

template <class Step>
Result<void> SectorCipher::each_sector(uint64_t sector, std::span<const std::byte> in,
                                       std::span<std::byte> out, Step step) {
  TRY_ASSIGN(Engine engine, borrow());
  std::array<std::byte, largest_block> block;
  const std::span iv = std::span(block).first(block_size(spec_.cipher));
  Result<void> done;
  for (size_t at = 0; done && at < in.size(); at += sector_bytes, ++sector) {
    done = make_iv(engine, sector, iv);
    if (done)
      done = step(engine.cipher, iv, in.subspan(at, sector_bytes), out.subspan(at, sector_bytes));
  }
  give_back(std::move(engine));
  return done;
}

Result<void> SectorCipher::encrypt(uint64_t sector, std::span<const std::byte> in,
                                   std::span<std::byte> out) {
  return each_sector(sector, in, out, [](Cipher& cipher, auto iv, auto from, auto to) {
    return cipher.encrypt(iv, from, to);
  });
}

Result<void> SectorCipher::decrypt(uint64_t sector, std::span<const std::byte> in,
                                   std::span<std::byte> out) {
  return each_sector(sector, in, out, [](Cipher& cipher, auto iv, auto from, auto to) {
    return cipher.decrypt(iv, from, to);
  });
}

}  // namespace oxbow::codec
