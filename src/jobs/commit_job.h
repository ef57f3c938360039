// Committing: what the upper layers of a chain say is written into a lower one, and the top
// layer is emptied when that is durable.
#pragma once

#include <oxbow/jobs.h>

#include <memory>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::jobs {

using async::Task;

/// Runs once, on the loop of the chain's nodes.
class CommitJob {
 public:
  /// The layer `depth` > 0 of the chain below `top` is open for writing, and so is the top.
  CommitJob(std::shared_ptr<graph::Node> top, unsigned depth, CommitOptions options);

  /// The target becomes as long as the top, if it is shorter. A crash at any point leaves the top
  /// reading as it did: it is emptied after the target is on disk.
  Task<> run();

 private:
  Task<> copy_down();
  void reached(CommitStep step);

  std::shared_ptr<graph::Node> top_;
  unsigned depth_;
  std::shared_ptr<graph::Node> base_;
  CommitOptions options_;
};

}  // namespace oxbow::jobs
