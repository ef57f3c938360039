// Zlib streams: deflate with a header and a checksum, as cloop, dmg and vmdk store their blocks.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"

namespace oxbow::codec {

/// Unpacks one stream from the start of `packed`, at most `plain.size()` bytes; bytes after the
/// stream's end are ignored. Gives the bytes made. corrupt where the stream is damaged or holds
/// more; what `plain` holds then is undefined. May be called from any thread.
Result<size_t> unzlib(std::span<const std::byte> packed, std::span<std::byte> plain);

/// Packs `plain` into one stream behind `room` bytes of `packed`, which becomes as long as it
/// takes. May be called from any thread.
Result<void> zlib(std::span<const std::byte> plain, size_t room, std::vector<std::byte>& packed);

}  // namespace oxbow::codec
