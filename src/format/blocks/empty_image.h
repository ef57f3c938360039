// A new image all of whose tables are empty.
#pragma once

#include <memory>
#include <span>

#include "storage/storage.h"

namespace oxbow::format {

/// Makes `file`, which is empty, `bytes` of zeroes with `header` at the start, and closes it. The
/// header is last: what is not whole yet is no image.
async::Task<> write_empty_image(std::unique_ptr<storage::Storage> file, uint64_t bytes,
                                std::span<std::byte> header);

}  // namespace oxbow::format
