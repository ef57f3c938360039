// Digests, PBKDF2 and random bytes, all libgcrypt's. Names are those of LUKS headers, which the
// stock tools use in their options, too.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/secret_bytes.h"

namespace oxbow::codec {

enum class HashAlgorithm : uint8_t { md5, sha1, sha224, sha256, sha384, sha512, ripemd160 };

[[nodiscard]] std::string_view name_of(HashAlgorithm hash);
[[nodiscard]] std::optional<HashAlgorithm> find_hash(std::string_view name);
/// Bytes of a digest.
[[nodiscard]] size_t digest_size(HashAlgorithm hash);

/// May be called from any thread, as all of this file.
Result<SecretBytes> digest(HashAlgorithm hash, std::span<const std::byte> data);

/// RFC 8018 PBKDF2 with HMAC. Takes time as `iterations` says: not for a loop's thread.
Result<SecretBytes> pbkdf2(HashAlgorithm hash, std::span<const std::byte> password,
                           std::span<const std::byte> salt, uint32_t iterations, size_t length);

/// Fit for keys.
Result<void> fill_random(std::span<std::byte> into);

}  // namespace oxbow::codec
