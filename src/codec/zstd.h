// Zstandard, as qcow2 stores a compressed cluster: one or more frames.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace oxbow::codec {

/// Unpacks frames from the start of `packed` until `plain` is full; bytes after that are
/// ignored. corrupt where a frame is damaged or the frames end early; what `plain` holds
/// then is undefined. May be called from any thread.
Result<void> zstd_decompress(std::span<const std::byte> packed, std::span<std::byte> plain);

/// The library's usual level, which is the stock tools'; there are levels up to 22.
inline constexpr int zstd_default_level = 3;
inline constexpr int zstd_levels = 22;

/// Packs `plain` into one frame at the start of `packed` and gives its length; 0 where it would
/// not fit. May be called from any thread.
Result<size_t> zstd_compress(std::span<const std::byte> plain, std::span<std::byte> packed,
                             int level);

}  // namespace oxbow::codec
