// Raw deflate, as qcow2 stores a compressed cluster: no zlib header, no checksum.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace oxbow::codec {

/// Unpacks one stream from the start of `packed` into exactly `plain`; bytes after the
/// stream's end are ignored. corrupt where the stream is damaged or gives another length;
/// what `plain` holds then is undefined. May be called from any thread.
Result<void> inflate(std::span<const std::byte> packed, std::span<std::byte> plain);

/// How hard deflate() tries: 1, fastest, to 9.
inline constexpr int deflate_levels = 9;
/// As small as zlib's usual level makes it, or nearly (docs/benchmarks.md).
inline constexpr int deflate_default_level = 4;

/// Packs `plain` (at most 4 MiB) into one stream at the start of `packed`, whose last 8 bytes are
/// scratch. No match reaches back more than 4 KiB, which is all that some readers keep. Gives the
/// stream's length; 0 where it would not fit. May be called from any thread.
Result<size_t> deflate(std::span<const std::byte> plain, std::span<std::byte> packed, int level);

}  // namespace oxbow::codec
