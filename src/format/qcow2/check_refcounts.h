// Refcounts against references: the refcount table's own soundness, and each cluster's
// count compared with what the walk counted.
#pragma once

#include "format/qcow2/check_l2.h"
#include "format/qcow2/refcount_reader.h"
#include "format/qcow2/table_window.h"

namespace oxbow::format::qcow2 {

class CountWriter;

/// Counts the refcount table and its blocks and judges the table's entries. False where one
/// of them does not lead to a block of its own. `repairing`: they will be made anew.
bool count_refcount_structures(const Header& header, const RefcountReader& refcounts,
                               uint64_t file_clusters, RegionCounter& regions,
                               const ReferenceMap& references, CheckReport& report, bool repairing);

class RefcountComparer {
 public:
  /// `writer`: sets counts right in the blocks; may be null.
  RefcountComparer(storage::Source& file, const Header& header, const RefcountReader& refcounts,
                   const ReferenceMap& references, CheckReport& report,
                   CountWriter* writer = nullptr);

  /// Compares clusters 0 to `clusters` - 1, or as far as there are references.
  Task<> compare(uint64_t clusters);
  /// One past the last cluster that is counted on either side; at least 1.
  [[nodiscard]] uint64_t end() const { return end_; }
  /// Whether blocks cannot be read, or count clusters as free that are in use: then nothing
  /// can be allocated, and setting single counts right is no help.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  Task<> compare_region(uint64_t region, uint64_t clusters);
  void compare_block(const std::byte* block, uint64_t first, uint64_t count);
  void compare_word(const std::byte* counts, uint64_t word, uint64_t count);
  void compare_without_block(uint64_t first, uint64_t count);
  void tell_unreadable(uint64_t region, uint64_t first, uint64_t count);
  void judge(uint64_t cluster, uint64_t refcount);

  const Header& header_;
  const RefcountReader& refcounts_;
  const ReferenceMap& references_;
  CheckReport& report_;
  CountWriter* writer_;
  TableWindow window_;
  uint64_t word_bytes_;  // of the counts of 64 clusters
  std::vector<std::byte> ones_;
  std::vector<std::byte> zeroes_;
  uint64_t end_ = 1;
  bool told_corrupt_ = false;
  bool broken_ = false;
};

}  // namespace oxbow::format::qcow2
