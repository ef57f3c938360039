// New VHDX images.
#pragma once

#include <memory>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::vhdx {

using async::Task;

struct CreateOptions {
  uint64_t size = 0;  ///< bytes; the disk gets whole sectors
  uint64_t log_size = 1 << 20;
  uint64_t block_size = 0;  ///< 0: by the size of the disk
  bool fixed = false;       ///< subformat
  bool zero_blocks = true;  ///< blocks that nobody wrote are said to be zeroes
};

/// Sizes become whole MiB and stay within the limits; what cannot be is refused.
Result<CreateOptions> settle_create_options(CreateOptions options);
/// Fills an empty file and closes it. Options come from settle_create_options().
Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options);

}  // namespace oxbow::format::vhdx
