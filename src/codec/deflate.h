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

}  // namespace oxbow::codec
