// Refcounts that differ, set right in the blocks where they are.
#pragma once

#include <span>
#include <vector>

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// For blocks to which nothing but their own table entry refers.
class CountWriter {
 public:
  /// `raise`: counts that are too low, too; else only those that are too high.
  CountWriter(Gate& gate, const Header& header, bool raise)
      : gate_(gate), header_(header), raise_(raise) {}

  [[nodiscard]] bool sets(bool too_low) const { return raise_ || !too_low; }
  /// To be written with the block that the cluster's count lies in.
  void set(uint64_t cluster, uint64_t count) { changes_.push_back({cluster, count}); }
  /// `counts`: the block as it is, whose first count is that of cluster `first`. Nothing is
  /// written where nothing was set. The caller owes a barrier.
  Task<> write(uint64_t block, uint64_t first, std::span<const std::byte> counts);
  /// Gives the space of clusters that are counted no more back to the host, when the counts
  /// are on disk. What cannot be given back stays.
  Task<> discard_freed();

 private:
  struct Change {
    uint64_t cluster;
    uint64_t count;
  };
  struct Run {
    uint64_t first;
    uint64_t count;
  };

  Gate& gate_;
  const Header& header_;
  bool raise_;
  std::vector<Change> changes_;
  std::vector<Run> freed_;
};

}  // namespace oxbow::format::qcow2
