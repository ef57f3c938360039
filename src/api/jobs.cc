// The public jobs: each is its task, run to the end on this thread's loop.
#include <oxbow/jobs.h>

#include "async/loop.h"
#include "jobs/compare_job.h"
#include "jobs/copy_job.h"

namespace oxbow {

Result<void> copy(std::span<Image* const> sources, Image& target, const CopyOptions& options) {
  std::vector<std::shared_ptr<graph::Node>> nodes;
  nodes.reserve(sources.size());
  for (const Image* source : sources) nodes.push_back(source->node());
  jobs::CopyJob job(std::move(nodes), target.node(), options);
  return async::Loop::current_thread().run(job.run());
}

Result<CompareResult> compare(Image& left, Image& right, const CompareOptions& options) {
  jobs::CompareJob job({left.node(), left.filename()}, {right.node(), right.filename()}, options);
  return async::Loop::current_thread().run(job.run());
}

}  // namespace oxbow
