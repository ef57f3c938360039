#include "codec/cipher.h"

#include <algorithm>
#include <utility>

#include "codec/gcrypt.h"

namespace oxbow::codec {
namespace {

struct CipherRow {
  CipherAlgorithm cipher;
  std::string_view name;
  std::string_view family;
  int library;
  size_t key;
  size_t block;
};

constexpr CipherRow cipher_rows[] = {
    {CipherAlgorithm::aes_128, "aes-128", "aes", GCRY_CIPHER_AES128, 16, 16},
    {CipherAlgorithm::aes_192, "aes-192", "aes", GCRY_CIPHER_AES192, 24, 16},
    {CipherAlgorithm::aes_256, "aes-256", "aes", GCRY_CIPHER_AES256, 32, 16},
    {CipherAlgorithm::cast5_128, "cast5-128", "cast5", GCRY_CIPHER_CAST5, 16, 8},
    {CipherAlgorithm::serpent_128, "serpent-128", "serpent", GCRY_CIPHER_SERPENT128, 16, 16},
    {CipherAlgorithm::serpent_192, "serpent-192", "serpent", GCRY_CIPHER_SERPENT192, 24, 16},
    {CipherAlgorithm::serpent_256, "serpent-256", "serpent", GCRY_CIPHER_SERPENT256, 32, 16},
    {CipherAlgorithm::twofish_128, "twofish-128", "twofish", GCRY_CIPHER_TWOFISH128, 16, 16},
    {CipherAlgorithm::twofish_192, "twofish-192", "twofish", 0, 24, 16},
    {CipherAlgorithm::twofish_256, "twofish-256", "twofish", GCRY_CIPHER_TWOFISH, 32, 16},
};
struct ModeRow {
  CipherMode mode;
  std::string_view name;
  int library;
};
constexpr ModeRow modes[] = {
    {CipherMode::ecb, "ecb", GCRY_CIPHER_MODE_ECB},
    {CipherMode::cbc, "cbc", GCRY_CIPHER_MODE_CBC},
    {CipherMode::xts, "xts", GCRY_CIPHER_MODE_XTS},
    {CipherMode::ctr, "ctr", GCRY_CIPHER_MODE_CTR},
};

constexpr size_t xts_block = 16;

const CipherRow& row_of(CipherAlgorithm cipher) { return cipher_rows[static_cast<size_t>(cipher)]; }
const ModeRow& row_of(CipherMode mode) { return modes[static_cast<size_t>(mode)]; }

Result<void> check(const CipherRow& row, CipherMode mode, size_t key_bytes) {
  TRY(ensure_gcrypt());
  if (row.library == 0) {
    return fail(ErrorKind::unsupported,
                "Algorithm '" + std::string(row.name) + "' is not offered by libgcrypt", ENOTSUP);
  }
  if (mode == CipherMode::xts && row.block != xts_block) {
    return fail(ErrorKind::unsupported, "Unsupported cipher mode xts", ENOTSUP);
  }
  if (key_bytes != key_size(row.cipher, mode)) {
    return fail(ErrorKind::invalid_argument,
                "Cipher " + std::string(row.name) + " does not take a key of " +
                    std::to_string(key_bytes) + " bytes",
                EINVAL);
  }
  return {};
}

gcry_cipher_hd_t as_handle(void* handle) { return static_cast<gcry_cipher_hd_t>(handle); }

}  // namespace

std::string_view name_of(CipherAlgorithm cipher) { return row_of(cipher).name; }
std::string_view family_of(CipherAlgorithm cipher) { return row_of(cipher).family; }
size_t key_size(CipherAlgorithm cipher) { return row_of(cipher).key; }
size_t block_size(CipherAlgorithm cipher) { return row_of(cipher).block; }
std::string_view name_of(CipherMode mode) { return row_of(mode).name; }

size_t key_size(CipherAlgorithm cipher, CipherMode mode) {
  return key_size(cipher) * (mode == CipherMode::xts ? 2 : 1);
}

std::optional<CipherAlgorithm> find_cipher(std::string_view name) {
  const auto* found = std::ranges::find(cipher_rows, name, &CipherRow::name);
  if (found == std::end(cipher_rows)) return std::nullopt;
  return found->cipher;
}

std::optional<CipherAlgorithm> find_cipher(std::string_view family, size_t key_size) {
  const auto* found = std::ranges::find_if(cipher_rows, [&](const CipherRow& row) {
    return row.family == family && row.key == key_size;
  });
  if (found == std::end(cipher_rows)) return std::nullopt;
  return found->cipher;
}

std::optional<CipherMode> find_mode(std::string_view name) {
  const auto* found = std::ranges::find(modes, name, &ModeRow::name);
  if (found == std::end(modes)) return std::nullopt;
  return found->mode;
}

Result<Cipher> Cipher::create(CipherAlgorithm cipher, CipherMode mode,
                              std::span<const std::byte> key) {
  const CipherRow& row = row_of(cipher);
  TRY(check(row, mode, key.size()));
  gcry_cipher_hd_t handle = nullptr;
  gcry_error_t failed = gcry_cipher_open(&handle, row.library, row_of(mode).library, 0);
  if (failed != 0) return std::unexpected(gcrypt_error("Cipher", failed));
  Cipher out(handle, mode);
  failed = gcry_cipher_setkey(handle, key.data(), key.size());
  if (failed != 0 && gcry_err_code(failed) != GPG_ERR_WEAK_KEY) {
    return std::unexpected(gcrypt_error("Cipher key", failed));
  }
  return out;
}

Cipher::Cipher(Cipher&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), mode_(other.mode_) {}

Cipher& Cipher::operator=(Cipher&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(mode_, other.mode_);
  return *this;
}

Cipher::~Cipher() {
  if (handle_ != nullptr) gcry_cipher_close(as_handle(handle_));
}

Result<void> Cipher::set_iv(std::span<const std::byte> iv) {
  gcry_error_t failed = 0;
  switch (mode_) {
    case CipherMode::ecb: return {};
    case CipherMode::ctr:
      failed = gcry_cipher_setctr(as_handle(handle_), iv.data(), iv.size());
      break;
    default: failed = gcry_cipher_setiv(as_handle(handle_), iv.data(), iv.size()); break;
  }
  if (failed != 0) return std::unexpected(gcrypt_error("Cipher IV", failed));
  return {};
}

Result<void> Cipher::encrypt(std::span<const std::byte> iv, std::span<const std::byte> in,
                             std::span<std::byte> out) {
  TRY(set_iv(iv));
  const bool in_place = in.data() == out.data();
  const gcry_error_t failed =
      gcry_cipher_encrypt(as_handle(handle_), out.data(), out.size(),
                          in_place ? nullptr : in.data(), in_place ? 0 : in.size());
  if (failed != 0) return std::unexpected(gcrypt_error("Encryption", failed));
  return {};
}

Result<void> Cipher::decrypt(std::span<const std::byte> iv, std::span<const std::byte> in,
                             std::span<std::byte> out) {
  TRY(set_iv(iv));
  const bool in_place = in.data() == out.data();
  const gcry_error_t failed =
      gcry_cipher_decrypt(as_handle(handle_), out.data(), out.size(),
                          in_place ? nullptr : in.data(), in_place ? 0 : in.size());
  if (failed != 0) return std::unexpected(gcrypt_error("Decryption", failed));
  return {};
}

}  // namespace oxbow::codec
