// New VDI images.
#pragma once

#include <memory>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::vdi {

using async::Task;

struct CreateOptions {
  uint64_t size = 0;   ///< bytes; the disk gets whole sectors
  bool fixed = false;  ///< all blocks have their places from the start
};

Result<void> check_create_options(const CreateOptions& options);
/// Fills an empty file and closes it. Options must have passed check_create_options().
Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options);

}  // namespace oxbow::format::vdi
