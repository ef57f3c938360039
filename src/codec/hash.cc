#include "codec/hash.h"

#include <algorithm>

#include "codec/gcrypt.h"

namespace oxbow::codec {
namespace {

struct HashRow {
  HashAlgorithm hash;
  std::string_view name;
  int library;
  size_t size;
};

constexpr HashRow hash_rows[] = {
    {HashAlgorithm::md5, "md5", GCRY_MD_MD5, 16},
    {HashAlgorithm::sha1, "sha1", GCRY_MD_SHA1, 20},
    {HashAlgorithm::sha224, "sha224", GCRY_MD_SHA224, 28},
    {HashAlgorithm::sha256, "sha256", GCRY_MD_SHA256, 32},
    {HashAlgorithm::sha384, "sha384", GCRY_MD_SHA384, 48},
    {HashAlgorithm::sha512, "sha512", GCRY_MD_SHA512, 64},
    {HashAlgorithm::ripemd160, "ripemd160", GCRY_MD_RMD160, 20},
};

const HashRow& row_of(HashAlgorithm hash) { return hash_rows[static_cast<size_t>(hash)]; }

Result<void> ensure_hash(const HashRow& row) {
  TRY(ensure_gcrypt());
  if (gcry_md_test_algo(row.library) == 0) return {};
  return fail(ErrorKind::unsupported,
              "Hash algorithm '" + std::string(row.name) + "' is not offered by libgcrypt here",
              ENOTSUP);
}

}  // namespace

std::string_view name_of(HashAlgorithm hash) { return row_of(hash).name; }

std::optional<HashAlgorithm> find_hash(std::string_view name) {
  const auto* found = std::ranges::find(hash_rows, name, &HashRow::name);
  if (found == std::end(hash_rows)) return std::nullopt;
  return found->hash;
}

size_t digest_size(HashAlgorithm hash) { return row_of(hash).size; }

Result<SecretBytes> digest(HashAlgorithm hash, std::span<const std::byte> data) {
  const HashRow& row = row_of(hash);
  TRY(ensure_hash(row));
  SecretBytes out(row.size);
  gcry_md_hash_buffer(row.library, out.span().data(), data.data(), data.size());
  return out;
}

Result<SecretBytes> pbkdf2(HashAlgorithm hash, std::span<const std::byte> password,
                           std::span<const std::byte> salt, uint32_t iterations, size_t length) {
  const HashRow& row = row_of(hash);
  TRY(ensure_hash(row));
  SecretBytes out(length);
  // The library wants a pointer even to no bytes.
  const void* words = password.empty() ? static_cast<const void*>("") : password.data();
  const gcry_error_t failed =
      gcry_kdf_derive(words, password.size(), GCRY_KDF_PBKDF2, row.library, salt.data(),
                      salt.size(), iterations, length, out.span().data());
  if (failed != 0) return std::unexpected(gcrypt_error("PBKDF2", failed));
  return out;
}

Result<void> fill_random(std::span<std::byte> into) {
  TRY(ensure_gcrypt());
  gcry_randomize(into.data(), into.size(), GCRY_STRONG_RANDOM);
  return {};
}

}  // namespace oxbow::codec
