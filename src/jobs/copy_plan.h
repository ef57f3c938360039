// What a copy has to do, in guest order and in pieces of a bounded size: decides from block
// status alone, reads no data. copy_job.h carries it out.
#pragma once

#include <oxbow/jobs.h>

#include <cstdint>
#include <vector>

#include "jobs/source_set.h"
#include "jobs/sparse_runs.h"

namespace oxbow::jobs {

/// Guest bytes that are read and written, or made to read as zeroes.
struct CopySegment {
  uint64_t offset = 0;
  uint64_t length = 0;
  bool data = false;       ///< read and write; else: make zero
  uint64_t run_begin = 0;  ///< data: where the source's data run began
  bool compressed = false;
};

/// Neighbouring segments, done by one task. Segments of different items share no cluster
/// of up to CopyPlan::window bytes.
struct CopyItem {
  std::vector<CopySegment> segments;  ///< in order; what is left alone is left out
  uint64_t end = 0;                   ///< guest offset at which the next item begins

  /// Where data belongs in the item's buffer: as the guest offset to 4 KiB, so that memory
  /// and file are aligned alike.
  [[nodiscard]] uint64_t buffer_base() const;
};

class CopyPlan {
 public:
  /// Items end at multiples of this. Bytes.
  static constexpr uint64_t window = SparseSplitter::step;
  /// Data of one item fits into a buffer of this size.
  static constexpr uint64_t buffer_size = window + 4096;

  /// `options.target_is_zero` together with `target_has_backing`: only past the end of the
  /// target's backing file. `options` outlive the plan.
  CopyPlan(SourceSet& sources, graph::Node& target, const CopyOptions& options);

  /// The item that begins at `offset` < size(); without segments where nothing is to do.
  Task<CopyItem> item_at(uint64_t offset);
  /// Bytes that will be copied or zeroed, all items together.
  Task<uint64_t> work_in_all();

  [[nodiscard]] uint64_t size() const { return sources_.size(); }
  [[nodiscard]] const SparseSplitter& splitter() const { return splitter_; }
  /// Bytes that are written whole or not at all: a multiple of this; 0: any.
  [[nodiscard]] uint32_t unit() const { return unit_; }
  /// Bytes from here on read as zeroes in the target before the copy.
  [[nodiscard]] uint64_t known_zero_from() const { return known_zero_from_; }

 private:
  /// A run of the source with its place.
  struct PlacedRun {
    uint64_t begin = 0;
    uint64_t end = 0;
    /// `salvage`: the status of this sector cannot be read, its data may be.
    enum class Need : uint8_t { copy, salvage, zero, nothing } need = Need::nothing;
    bool compressed = false;
  };
  Task<PlacedRun> placed_run(uint64_t offset);
  Task<PlacedRun> run_of_units(uint64_t offset);
  [[nodiscard]] PlacedRun wanted_from(uint64_t offset) const;
  [[nodiscard]] PlacedRun::Need need_for(SourceRun::Kind kind, PlacedRun& run) const;

  SourceSet& sources_;
  const CopyOptions& options_;
  SparseSplitter splitter_;
  bool write_everything_;
  uint32_t unit_;
  /// Bytes from here on read as zeroes in the target already.
  uint64_t known_zero_from_;
  PlacedRun current_;
};

}  // namespace oxbow::jobs
