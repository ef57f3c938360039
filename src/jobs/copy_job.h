// Copying guest contents from one or more nodes into another: several requests under way,
// driven by block status, holes and zeroes never read. Pieces are written in guest order
// (that is, they are given their places in it), so that the target is laid out as if one
// request had followed the other.
#pragma once

#include <oxbow/jobs.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task_group.h"
#include "jobs/buffer_pool.h"
#include "jobs/copy_plan.h"
#include "jobs/source_set.h"
#include "jobs/turns.h"

namespace oxbow::jobs {

/// For a copy from upper layers of a chain into a lower one.
struct LayersCopied {
  /// What these uppermost layers of the source say is copied; nothing: all that is.
  std::optional<unsigned> upper;
  /// Data stays data: zero bytes in it are not looked for.
  bool as_it_is = false;
};

/// Runs once, on the loop of its nodes. Memory: options.parallel buffers of 2 MiB.
class CopyJob {
 public:
  /// `target` must be at least as long as the sources together, each rounded up to sectors.
  CopyJob(std::vector<std::shared_ptr<graph::Node>> sources, std::shared_ptr<graph::Node> target,
          CopyOptions options, LayersCopied layers = {});

  /// The messages are the stock tool's ("error while reading at byte 0: Input/output
  /// error"); the hint is the layer's own, with the file's name.
  Task<> run();

 private:
  Task<> copy_all();
  Task<> start_items(async::TaskGroup& group);
  Task<> hold_rate();
  Task<> do_item(CopyItem item, uint64_t number);
  Task<> read_and_write(CopyItem& item, uint64_t number);
  /// Takes out of the item what the kernel copied.
  Task<> offload(CopyItem& item);
  Task<> read_data(const CopyItem& item, std::span<std::byte> buffer);
  Task<> read_or_salvage(uint64_t offset, std::span<std::byte> into);
  [[nodiscard]] std::vector<SparseRun> split(const CopyItem& item, std::span<std::byte> buffer);
  Task<> write_runs(const std::vector<SparseRun>& runs, uint64_t base,
                    std::span<const std::byte> buffer);
  Task<> write_many(const std::vector<SparseRun>& runs, uint64_t base,
                    std::span<const std::byte> buffer);
  [[nodiscard]] std::vector<SparseRun> split_units(const CopySegment& segment,
                                                   std::span<const std::byte> bytes) const;
  Task<std::vector<graph::Packed>> pack_runs(const std::vector<SparseRun>& runs, uint64_t base,
                                             std::span<const std::byte> buffer);
  Task<> write_packed_runs(const std::vector<SparseRun>& runs,
                           const std::vector<graph::Packed>& packed);
  Task<> write_run(SparseRun run, uint64_t base, std::span<const std::byte> buffer);
  [[nodiscard]] bool share_cluster(const SparseRun& left, const SparseRun& right) const;
  [[nodiscard]] bool leave_out_zeroes(const SparseRun& run) const;
  void report(uint64_t length);
  void announce_bulk(bool on);

  SourceSet sources_;
  std::shared_ptr<graph::Node> target_;
  CopyOptions options_;
  CopyPlan plan_;
  BufferPool buffers_;
  Turns turns_;
  /// Writes may overlap: a piece has its place in the target when it has begun.
  bool writes_overlap_;
  bool offload_;        // the kernel copies data, as long as it can
  bool detect_zeroes_;  // what passes through our hands is looked at
  bool as_it_is_;
  uint64_t total_ = 0;  // bytes, for progress
  uint64_t done_ = 0;
  uint64_t started_ = 0;  // bytes handed to tasks, for the rate limit
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace oxbow::jobs
