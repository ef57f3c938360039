// Comparing the guest contents of two nodes: what both know to be zero is not read, the
// rest passes through two buffers.
#pragma once

#include <oxbow/jobs.h>

#include <memory>
#include <span>
#include <string>

#include "async/task.h"
#include "base/buffer.h"
#include "graph/node.h"

namespace oxbow::jobs {

using async::Task;

/// One of the two images.
struct CompareSide {
  std::shared_ptr<graph::Node> node;
  std::string name;  ///< for messages
};

/// Runs once, on the loop of both nodes.
class CompareJob {
 public:
  CompareJob(CompareSide left, CompareSide right, CompareOptions options);

  /// Stops at the first difference. Error messages are the stock tool's; the hint is the
  /// layer's own. Different sizes are told to options.warn where they are no difference.
  Task<CompareResult> run();

 private:
  /// Guest bytes that each image describes in one word.
  struct Stretch {
    uint64_t length = 0;
    graph::NodeStatus left;
    graph::NodeStatus right;
  };
  Task<> compare_common(uint64_t size);
  Task<> compare_rest(const CompareSide& longer, uint64_t from);
  Task<Stretch> stretch_at(uint64_t offset, uint64_t length);
  Task<graph::NodeStatus> status_of(const CompareSide& side, uint64_t offset, uint64_t length);
  Task<> compare_bytes(uint64_t offset, uint64_t length);
  Task<> expect_zero(const CompareSide& side, uint64_t offset, uint64_t length);
  /// Errors name the stretch's offset, as the stock tool's do.
  Task<> read(const CompareSide& side, uint64_t offset, std::span<std::byte> into,
              uint64_t stretch_offset);
  void differs_at(uint64_t offset);
  void report(uint64_t done);
  void announce_bulk(bool on);
  [[nodiscard]] bool strictly_alike(uint64_t offset, const Stretch& stretch) const;

  CompareSide left_;
  CompareSide right_;
  CompareOptions options_;
  CompareResult result_;
  uint64_t total_ = 0;
  Buffer left_bytes_;
  Buffer right_bytes_;
};

}  // namespace oxbow::jobs
