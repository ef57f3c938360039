// Several tasks at once, a bounded number of them under way.
#pragma once

#include <cassert>
#include <cstddef>
#include <optional>

#include "async/sync.h"
#include "async/task.h"

namespace oxbow::async {

/// Its tasks run on the loop of the task that spawns them and share its cancel token.
/// Whoever spawned must join() before the group goes, whatever happened in between.
class TaskGroup {
 public:
  explicit TaskGroup(size_t max_in_flight) : limit_(max_in_flight) { assert(limit_ > 0); }
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { assert(running_ == 0 && "a task group is destroyed before it was joined"); }

  /// Waits for room, then starts `task`. Once a task has failed no more are started:
  /// the first error is returned instead, as it is when this task is cancelled.
  Task<void> spawn(Task<void> task);
  /// Waits for all, even when cancelled, and returns the first error of any. The group
  /// is then as new.
  Task<void> join();
  [[nodiscard]] size_t running() const { return running_; }

 private:
  Task<void> wait_for_all();
  void ended(Result<void> result);

  size_t limit_;
  size_t running_ = 0;
  std::optional<Error> first_error_;
  WaitQueue changed_;
};

}  // namespace oxbow::async
