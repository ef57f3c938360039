// Where the parts of a new image lie, in clusters. The order of allocation is the stock
// tools', so that new images are laid out alike; pure arithmetic, no I/O.
#pragma once

#include <cstdint>
#include <vector>

#include "format/qcow2/create.h"

namespace oxbow::format::qcow2 {

/// Guest clusters whose host clusters lie in a row.
struct DataRun {
  uint64_t guest = 0;
  uint64_t host = 0;
  uint64_t count = 0;
};

/// Everything in units of clusters of the new image.
struct CreateLayout {
  uint64_t refcount_table = 1;
  uint64_t refcount_table_clusters = 1;
  std::vector<uint64_t> refcount_blocks;  ///< by the region they count; 0: no block
  uint64_t l1 = 0;                        ///< 0 where the image has no L1 entries
  uint64_t l1_entries = 0;
  uint64_t crypto = 0;           ///< the LUKS header; 0: none
  std::vector<uint64_t> tables;  ///< L2 tables by L1 index; empty without preallocation
  std::vector<DataRun> data;     ///< sorted by guest cluster, every cluster of the disk
  uint64_t end = 0;              ///< one past the last cluster in use
  bool cluster_1_free = false;   ///< inside the file, but not in use
};

/// The options have passed check_create_options(). Fails where the refcount table would
/// exceed the format's limit.
Result<CreateLayout> plan_create(const Qcow2CreateOptions& options);

}  // namespace oxbow::format::qcow2
