// New QED images.
#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::qed {

using async::Task;

struct CreateOptions {
  uint64_t size = 0;  ///< bytes; the disk gets whole sectors
  uint64_t cluster_size = 64 << 10;
  uint64_t table_clusters = 4;
  std::string backing_file;  ///< empty: none
  bool backing_is_raw = false;
};

Result<void> check_create_options(const CreateOptions& options);
/// Fills an empty file and closes it. Options must have passed check_create_options().
Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options);

}  // namespace oxbow::format::qed
