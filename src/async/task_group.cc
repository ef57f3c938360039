// Starting and gathering the tasks of a group.
#include "async/task_group.h"

#include "async/loop.h"

namespace oxbow::async {

Task<void> TaskGroup::spawn(Task<void> task) {
  while (running_ >= limit_ && !first_error_) CO_TRY(co_await changed_.wait());
  if (first_error_) co_return std::unexpected(*first_error_);
  PromiseBase& self = co_await current_promise();
  if (task) task.promise().inherit_cancel_token(self.cancel_token());
  ++running_;
  auto& loop = static_cast<Loop&>(self.scheduler());
  loop.spawn(std::move(task), [this](Result<void> result) { ended(std::move(result)); });
  co_return {};
}

Task<void> TaskGroup::join() {
  Task<void> all = wait_for_all();
  CO_TRY(co_await std::move(all).shielded());
  const std::optional<Error> error = std::exchange(first_error_, std::nullopt);
  if (error) co_return std::unexpected(*error);
  co_return {};
}

Task<void> TaskGroup::wait_for_all() {
  while (running_ > 0) CO_TRY(co_await changed_.wait());
  co_return {};
}

void TaskGroup::ended(Result<void> result) {
  --running_;
  if (!result && !first_error_) first_error_ = std::move(result).error();
  changed_.notify_all();
}

}  // namespace oxbow::async
