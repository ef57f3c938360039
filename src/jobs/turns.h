// Guest order among tasks that finish reading in any order: each takes a number when it is
// planned and begins to write when its number is called.
#pragma once

#include <cstdint>

#include "async/sync.h"
#include "async/task.h"

namespace oxbow::jobs {

using async::Task;

class Turns {
 public:
  /// `ordered` false: nobody waits for anybody.
  explicit Turns(bool ordered) : ordered_(ordered) {}

  uint64_t take_number() { return next_number_++; }

  /// Waits until every smaller number has called done(). Fails with `cancelled` once one of
  /// them was given up.
  Task<> wait(uint64_t number) {
    while (ordered_ && called_ != number && !given_up_) CO_TRY(co_await changed_.wait());
    if (given_up_) co_return fail(ErrorKind::cancelled, "an earlier part of the job failed");
    co_return {};
  }
  /// The number that waited may be followed by the next one.
  void done() {
    ++called_;
    changed_.notify_all();
  }
  /// Nobody gets a turn any more.
  void give_up() {
    given_up_ = true;
    changed_.notify_all();
  }

 private:
  bool ordered_;
  bool given_up_ = false;
  uint64_t next_number_ = 0;
  uint64_t called_ = 0;
  async::WaitQueue changed_;
};

}  // namespace oxbow::jobs
