// What one L2 table says: judges its entries and counts the clusters they refer to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "format/qcow2/check_report.h"
#include "format/qcow2/header.h"
#include "format/qcow2/reference_map.h"

namespace oxbow::format::qcow2 {

/// Counts references to byte ranges of the file, as far as the file goes, in whole sectors.
class RegionCounter {
 public:
  RegionCounter(const Header& header, uint64_t file_size, ReferenceMap& references,
                CheckReport& report)
      : bits_(header.cluster_bits),
        max_count_(max_refcount(header.refcount_order)),
        limit_(align_up(file_size, 512) + header.cluster_size()),
        references_(references),
        report_(report) {}

  /// Every cluster that the range touches; a range that ends a cluster or more behind the end
  /// of the file is a finding and not counted.
  void count(uint64_t offset, uint64_t size);
  /// Clusters that are known to lie inside. One that has as many references as a refcount can
  /// hold is a finding and not counted further.
  void count_clusters(uint64_t first, uint64_t count);
  /// Whether there were references that a refcount could not hold.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  [[nodiscard]] bool inside(uint64_t offset, uint64_t size) const {
    return size < limit_ && offset < limit_ - size;
  }

 private:
  uint32_t bits_;
  uint64_t max_count_;
  uint64_t limit_;  // ranges end before
  bool overflowed_ = false;
  ReferenceMap& references_;
  CheckReport& report_;
};

/// What a repair makes of the entries of one L2 table.
struct L2Repair {
  struct Change {
    uint64_t index;
    L2Entry entry;
  };
  uint64_t guest = 0;     ///< the disk's byte that the first entry stands for
  bool gives_up = false;  ///< entries that lead nowhere become unallocated
  std::vector<Change> changes;
};

class L2Checker {
 public:
  L2Checker(const Header& header, RegionCounter& regions, CheckReport& report)
      : header_(header), regions_(regions), report_(report) {}

  /// `table`: one cluster. `active`: of the image itself, not of a snapshot: then clusters
  /// are counted for the statistics too. `repair`: takes what damaged entries are to be; they
  /// are told as repaired and judged as they will be, and the caller makes it so.
  void check(const std::byte* table, bool active, L2Repair* repair = nullptr);
  /// Whether the table has entries for a repair.
  [[nodiscard]] bool repairable(const std::byte* table, bool gives_up) const;
  /// Whether every entry of active tables with a plain cluster has the COPIED flag.
  [[nodiscard]] bool all_copied() const { return all_copied_; }

 private:
  [[nodiscard]] L2Entry entry_at(const std::byte* table, uint64_t index) const;
  [[nodiscard]] uint64_t take_run(const std::byte* table, uint64_t index, uint64_t raw);
  void check_entry(const L2Entry& entry, uint64_t index);
  void judge_entry(const L2Entry& entry, uint64_t index);
  void check_compressed(const L2Entry& entry, uint64_t index);
  void check_plain(const L2Entry& entry, bool reads_zero);
  [[nodiscard]] bool reads_zero(const L2Entry& entry, L2Kind kind) const;
  [[nodiscard]] bool well_placed(const L2Entry& entry) const;
  [[nodiscard]] bool readable(const L2Entry& entry, L2Kind kind) const;
  [[nodiscard]] L2Entry repaired(const L2Entry& entry, bool gives_up) const;
  void tell_repair(const L2Entry& entry, const L2Entry& becomes, uint64_t index);
  void follow(uint64_t offset, uint64_t clusters);

  const Header& header_;
  RegionCounter& regions_;
  CheckReport& report_;
  L2Repair* repair_ = nullptr;
  bool active_ = false;
  bool all_copied_ = true;
  uint64_t next_ = 0;  // where the next cluster lies if the table is not fragmented
};

}  // namespace oxbow::format::qcow2
