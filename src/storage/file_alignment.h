// What O_DIRECT asks of offsets, lengths and buffers on the device behind a file.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace oxbow::storage {

struct DirectAlignment {
  uint32_t request = 512;  ///< of offsets and lengths
  uint32_t memory = 512;   ///< of buffer addresses
};

/// `fd` is open with O_DIRECT. Asks the kernel, and where it does not say, reads with
/// rising alignments until one works. `unsupported` where none up to 64 KiB does.
Result<DirectAlignment> find_direct_alignment(int fd);

}  // namespace oxbow::storage
