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

}  // namespace oxbow::codec
