// The anti-forensic splitter of LUKS1: a key spread over many stripes of which every single bit is
// needed to get it back, so that a slot that was overwritten in part is gone. From the LUKS
// On-Disk Format Specification 1.2.3; the digest is the library's.
#pragma once

#include "codec/hash.h"

namespace oxbow::format::luks {

/// `material`: room for `stripes` times key.size() bytes; what is behind them stays.
Result<void> af_split(codec::HashAlgorithm hash, uint32_t stripes, std::span<const std::byte> key,
                      std::span<std::byte> material);

/// The reverse; `key_size` bytes from as many stripes.
Result<codec::SecretBytes> af_merge(codec::HashAlgorithm hash, uint32_t stripes, size_t key_size,
                                    std::span<const std::byte> material);

}  // namespace oxbow::format::luks
