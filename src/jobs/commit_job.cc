#include "jobs/commit_job.h"

#include "jobs/copy_job.h"

namespace oxbow::jobs {

CommitJob::CommitJob(std::shared_ptr<graph::Node> top, unsigned depth, CommitOptions options)
    : top_(std::move(top)), depth_(depth), base_(top_), options_(std::move(options)) {
  for (unsigned i = 0; i < depth; ++i) base_ = base_->backing();
}

void CommitJob::reached(CommitStep step) {
  if (options_.failed_step != nullptr) *options_.failed_step = step;
}

Task<> CommitJob::run() {
  reached(CommitStep::copy);
  if (base_->virtual_size() < top_->virtual_size()) {
    CO_TRY(co_await base_->resize(top_->virtual_size(), storage::Preallocation::off, false));
  }
  CO_TRY(co_await copy_down());
  if (options_.keep_top) co_return {};
  reached(CommitStep::make_empty);
  const Result<void> emptied = co_await top_->format().make_empty();
  // An image of a format without that keeps what it holds.
  if (!emptied && emptied.error().kind() == ErrorKind::unsupported) co_return {};
  co_return emptied;
}

// Ends with a flush of the base.
Task<> CommitJob::copy_down() {
  CopyOptions copy;
  copy.rate_limit = options_.rate_limit;
  copy.progress = options_.progress;
  CopyJob job({top_}, base_, std::move(copy), {.upper = depth_, .as_it_is = true});
  co_return co_await job.run();
}

}  // namespace oxbow::jobs
