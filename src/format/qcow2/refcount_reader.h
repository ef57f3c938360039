// Refcounts as the file has them, for reading only: the check's and repair's view, apart
// from the caches that an open image writes through.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/buffer.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

class RefcountReader {
 public:
  RefcountReader(storage::Source& file, const Header& header) : file_(file), header_(header) {}

  /// Reads the refcount table, as far as the file holds it.
  Task<> load();

  /// Table entries as they are; regions from size() on have no block.
  [[nodiscard]] const std::vector<uint64_t>& table() const { return table_; }
  /// Host offset of a region's block; 0: none.
  [[nodiscard]] uint64_t block(uint64_t region) const {
    return region < table_.size() ? table_[region] & refcount_table_offset_mask : 0;
  }
  [[nodiscard]] bool aligned(uint64_t region) const {
    return is_aligned(block(region), header_.cluster_size());
  }
  /// Whether the block lies where one can be read, perhaps behind the end of the file.
  [[nodiscard]] bool readable(uint64_t region) const {
    return aligned(region) && block(region) <= max_file_offset - header_.cluster_size();
  }
  /// A single count, through a cache of 2 MiB. corrupt where the block is not readable.
  Task<uint64_t> get(uint64_t cluster);
  /// The same where it needs no look-up: next to the count that get() gave last.
  [[nodiscard]] std::optional<uint64_t> find(uint64_t cluster) const {
    const uint64_t index = cluster - last_first_;
    if (cluster < last_first_ || index >= last_count_) return std::nullopt;
    return load_refcount(last_, index, header_.refcount_order);
  }

 private:
  Task<const std::byte*> slice(uint64_t offset);

  storage::Source& file_;
  const Header& header_;
  std::vector<uint64_t> table_;
  std::unordered_map<uint64_t, Buffer> slices_;
  std::deque<uint64_t> oldest_first_;
  const std::byte* last_ = nullptr;  // counts of last_count_ clusters from last_first_ on
  uint64_t last_first_ = 0;
  uint64_t last_count_ = 0;
};

}  // namespace oxbow::format::qcow2
