// The public jobs: each is its task, run to the end on this thread's loop.
#include <oxbow/jobs.h>

#include "async/loop.h"
#include "jobs/commit_job.h"
#include "jobs/compare_job.h"
#include "jobs/copy_job.h"
#include "jobs/rebase_job.h"

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

Result<void> commit(Image& image, const CommitOptions& options) {
  if (options.failed_step != nullptr) *options.failed_step = CommitStep::open_base;
  if (options.depth == 0 || (options.depth > 1 && !options.keep_top)) {
    return fail(ErrorKind::invalid_argument, "an image cannot be committed like this", EINVAL);
  }
  TRY(image.make_backing_writable(options.depth));
  TRY(image.check_snapshots_over(image.node()));
  jobs::CommitJob job(image.node(), options.depth, options);
  return async::Loop::current_thread().run(job.run());
}

Result<void> rebase(Image& image, Image* below, const RebaseOptions& options) {
  const std::shared_ptr<graph::Node> node = below != nullptr ? below->node() : nullptr;
  TRY(image.check_snapshots_over(node));
  jobs::RebaseJob job(image.node(), node, options.progress);
  return async::Loop::current_thread().run(job.run());
}

}  // namespace oxbow
