// New VHD images.
#pragma once

#include <memory>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::vpc {

using async::Task;

struct CreateOptions {
  uint64_t size = 0;        ///< bytes
  bool fixed = false;       ///< subformat
  bool exact_size = false;  ///< else the next size that has a geometry, if there is one
};

Result<void> check_create_options(const CreateOptions& options);
/// Fills an empty file and closes it. Options must have passed check_create_options().
Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options);

}  // namespace oxbow::format::vpc
