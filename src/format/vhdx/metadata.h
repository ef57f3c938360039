// Where a VHDX image keeps its BAT and its metadata, and what the metadata says of the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "format/vhdx/header.h"
#include "storage/storage.h"

namespace oxbow::format::vhdx {

/// Places in the file that belong to one use each.
class Places {
 public:
  /// corrupt where it overlaps with another one.
  Result<void> add(uint64_t offset, uint64_t length);
  Result<void> check_free(uint64_t offset, uint64_t length) const;

 private:
  struct Range {
    uint64_t begin;
    uint64_t end;
  };
  std::vector<Range> ranges_;
};

struct Region {
  uint64_t offset = 0;
  uint32_t length = 0;
};

struct Metadata {
  Region bat;
  uint32_t block_size = 0;
  uint64_t disk_size = 0;  ///< bytes, whole sectors
  Places places;           ///< of log, BAT and metadata
};

/// The first fault is told. What cannot be read right is refused: images that have a parent, and
/// what a required entry that is not known may mean.
Task<Metadata> read_metadata(storage::Source& file, const Header& header);

}  // namespace oxbow::format::vhdx
