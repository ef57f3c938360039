// Zlib streams: deflate with a header and a checksum, as cloop, dmg and vmdk store their blocks.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace oxbow::codec {

/// Unpacks one stream from the start of `packed`, at most `plain.size()` bytes; bytes after the
/// stream's end are ignored. Gives the bytes made. corrupt where the stream is damaged or holds
/// more; what `plain` holds then is undefined. May be called from any thread.
Result<size_t> unzlib(std::span<const std::byte> packed, std::span<std::byte> plain);

}  // namespace oxbow::codec
