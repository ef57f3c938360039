// The two-level map from guest clusters to L2 entries: the L1 table in memory, L2 tables
// through a bounded cache. Knows where entries are, not what they mean for I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "async/sync.h"
#include "format/qcow2/copied_flags.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/refcounts.h"
#include "format/qcow2/table_cache.h"

namespace oxbow::format::qcow2 {

/// Consecutive L2 entries in one cached slice, from one guest cluster on. Holds the slice.
class EntryView {
 public:
  EntryView() = default;
  EntryView(SliceRef slice, uint32_t first, uint32_t count, const Header& header)
      : slice_(std::move(slice)),
        first_(first),
        count_(count),
        extended_(header.extended_l2()),
        data_file_(header.has_data_file()) {}

  /// False where there is no L2 table: every entry is unallocated.
  [[nodiscard]] bool exists() const { return static_cast<bool>(slice_); }
  /// Entries up to the end of the slice.
  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] uint64_t raw(uint32_t i) const {
    return load_be<uint64_t>(slice_.data() + position(i));
  }
  [[nodiscard]] L2Entry entry(uint32_t i) const {
    if (!exists()) return {};
    return l2_entry(raw(i), extended_ ? load_be<uint64_t>(slice_.data() + position(i) + 8) : 0,
                    data_file_);
  }
  /// How many entries after the first, `most` at most, say the same as it, but for a cluster that
  /// lies `step` bytes further each time; with a step, the COPIED flag makes no difference.
  [[nodiscard]] uint32_t alike(uint32_t step, uint64_t most) const {
    most = std::min<uint64_t>(most, count_ - 1);
    const uint64_t ignored = step == 0 ? 0 : copied_flag;
    const uint64_t first = raw(0) & ~ignored;
    uint32_t found = 0;
    while (found < most && (raw(found + 1) & ~ignored) == first + uint64_t{found + 1} * step) {
      ++found;
    }
    return found;
  }
  void set(uint32_t i, const L2Entry& entry) const {
    std::byte* at = slice_.modify() + position(i);
    store_be<uint64_t>(at, entry.raw);
    if (extended_) store_be<uint64_t>(at + 8, entry.bitmap);
  }

 private:
  [[nodiscard]] size_t position(uint32_t i) const {
    return size_t{first_ + i} * (extended_ ? 16 : 8);
  }

  SliceRef slice_;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
  bool extended_ = false;
  bool data_file_ = false;
};

class ClusterMap {
 public:
  /// `barrier` runs before L2 slices are written: refcounts and data must be durable then.
  ClusterMap(Gate& gate, Header& header, Refcounts& refcounts, uint32_t slice_size,
             uint64_t cache_bytes, WriteBarrier& barrier);

  /// Reads the L1 table (its place validated with the header).
  Task<> load();

  /// Entries from guest cluster `cluster` on, if that needs no I/O.
  [[nodiscard]] std::optional<EntryView> find(uint64_t cluster);
  Task<EntryView> look_up(uint64_t cluster);
  /// The same for changing them: makes the L2 table, or a copy where a snapshot shares it.
  Task<EntryView> look_up_for_change(uint64_t cluster);
  /// How many clusters, from `cluster` on, have no L2 table; only for a cluster without one.
  [[nodiscard]] uint64_t clusters_without_table(uint64_t cluster) const;
  /// "L2 offset: 0x40000, L2 index: 0x2", for messages about the cluster's entry.
  [[nodiscard]] std::string name_entry(uint64_t cluster) const;
  /// How many entries, from `cluster` on, one view can hold.
  [[nodiscard]] uint64_t entries_to_slice_end(uint64_t cluster) const {
    return per_slice_ - cluster % per_slice_;
  }

  [[nodiscard]] bool dirty() const { return cache_.dirty() || !dirty_l1_.empty(); }
  /// Runs the barrier, writes changed L2 slices and the L1 entries that link new tables.
  /// The caller owes a barrier afterwards.
  Task<> write_back();

  [[nodiscard]] std::span<const uint64_t> l1_entries() const { return l1_; }

  /// Everything must be on disk, and nobody at work. See copied_flags.h.
  Task<> update_copied_flags(CopiedRule rule, std::vector<bool> wanted);
  Task<> update_copied_flags(CopiedRule rule) {
    return update_copied_flags(rule, std::vector<bool>(l1_.size(), true));
  }
  /// Switches the header to the L1 table at `offset`, which is on disk, and to the disk size.
  /// The old table is left to be released.
  Task<> adopt_l1(uint64_t offset, std::vector<uint64_t> entries, uint64_t disk_size);

  /// An L1 entry's L2 table, which lies at another place, too.
  struct TablePlace {
    uint64_t index;
    uint64_t offset;
  };
  /// The L1 entries, in order, name these places from now on. The caller owes a barrier.
  Task<> relink_tables(std::span<const TablePlace> places);
  /// What is in the cache is outdated; nothing in it has changed.
  void forget_tables() { cache_.drop_all(); }
  /// Whether the cluster's L2 table is this disk's alone.
  [[nodiscard]] bool owns_table_of(uint64_t cluster) const {
    return l1_index(cluster) < l1_.size() && owns_table(l1_index(cluster));
  }

  /// Answers from another tree, without a word to the disk.
  void show_tree(std::vector<uint64_t> entries) {
    cache_.drop_all();
    l1_ = std::move(entries);
  }

  /// Moves the L1 table to a place for `entries` and switches the header to it.
  Task<> grow_l1(uint64_t entries);
  /// Releases the L2 tables of clusters from `first_cluster` on, before L1 entry `end`, which hold
  /// nothing any more.
  Task<> drop_tables(uint64_t first_cluster, uint64_t end);

 private:
  [[nodiscard]] uint64_t l1_index(uint64_t cluster) const { return cluster / per_table_; }
  [[nodiscard]] uint64_t slice_offset(uint64_t table, uint64_t cluster) const;
  Result<uint64_t> table_offset(uint64_t l1_index) const;
  /// Whether there is a table that no snapshot shares.
  [[nodiscard]] bool owns_table(uint64_t l1_index) const;
  [[nodiscard]] EntryView view(SliceRef slice, uint64_t cluster) const;
  Task<> make_table(uint64_t l1_index);
  Task<> write_grown_l1(uint64_t offset, uint64_t bytes);
  Task<> switch_l1(uint64_t offset, uint64_t entries);
  void take_l1_place(uint64_t offset, uint64_t entries);
  Task<> fill_table(uint64_t offset, uint64_t copied_from);
  Task<> write_l1_entries(const std::vector<uint64_t>& entries);

  Gate& gate_;
  Header& header_;
  Refcounts& refcounts_;
  uint64_t per_table_;
  uint64_t per_slice_;
  TableCache cache_;
  std::vector<uint64_t> l1_;
  std::vector<uint64_t> dirty_l1_;
  async::Mutex making_;
};

}  // namespace oxbow::format::qcow2
