// TaskGroup: the bound, the first error, cancellation, and joining whatever happens.
#include "loop_fixture.h"

namespace oxbow::async {
namespace {

class TaskGroupTest : public LoopTest {};
OXBOW_BOTH_BACKENDS(TaskGroupTest);

struct Counts {
  int running = 0;
  int most = 0;
  int ended = 0;
};

Task<void> work(Loop& loop, Counts& counts, ErrorKind* error) {
  counts.most = std::max(counts.most, ++counts.running);
  const Result<void> slept = co_await loop.sleep_for(1ms);
  --counts.running;
  ++counts.ended;
  if (!slept) co_return slept;
  if (error != nullptr) co_return fail(*error, "worker failed");
  co_return {};
}

Task<void> run_group(Loop& loop, Counts& counts, int tasks) {
  TaskGroup group(4);
  for (int i = 0; i < tasks; ++i) CO_TRY(co_await group.spawn(work(loop, counts, nullptr)));
  co_return co_await group.join();
}

TEST_P(TaskGroupTest, RunsAllWithinTheBound) {
  Counts counts;
  EXPECT_TRUE(loop_->run(run_group(*loop_, counts, 25)));
  EXPECT_EQ(counts.ended, 25);
  EXPECT_EQ(counts.most, 4);
}

Task<void> fail_group(Loop& loop, Counts& counts) {
  TaskGroup group(2);
  ErrorKind busy = ErrorKind::busy;
  Result<void> spawned;
  int started = 0;
  while (spawned && started < 100) {
    spawned = co_await group.spawn(work(loop, counts, started == 3 ? &busy : nullptr));
    if (spawned) ++started;
  }
  expect_error(spawned, ErrorKind::busy);
  EXPECT_LT(started, 100);
  const Result<void> joined = co_await group.join();
  expect_error(joined, ErrorKind::busy);
  EXPECT_EQ(counts.ended, started) << "join() waits for the others";
  CO_TRY(co_await group.spawn(work(loop, counts, nullptr)));  // as new
  co_return co_await group.join();
}

TEST_P(TaskGroupTest, FirstErrorStopsSpawningAndIsJoined) {
  Counts counts;
  EXPECT_TRUE(loop_->run(fail_group(*loop_, counts)));
}

Task<void> endless_group(Loop& loop, Counts& counts) {
  TaskGroup group(3);
  Result<void> spawned;
  while (spawned) spawned = co_await group.spawn(work(loop, counts, nullptr));
  EXPECT_TRUE(co_await current_cancel_token() != nullptr);
  const Result<void> joined = co_await group.join();
  EXPECT_EQ(group.running(), 0U);
  EXPECT_EQ(counts.running, 0);
  co_return joined ? spawned : joined;
}

TEST_P(TaskGroupTest, CancellationReachesTheWorkersAndJoinStillWaits) {
  Counts counts;
  CancelSource source;
  std::optional<Result<void>> ended;
  loop_->spawn(endless_group(*loop_, counts).cancelled_by(source.token()), store_in(ended));
  for (int i = 0; i < 20; ++i) loop_->poll();
  source.cancel();
  loop_->drain();
  ASSERT_TRUE(ended);
  expect_error(*ended, ErrorKind::cancelled);
}

}  // namespace
}  // namespace oxbow::async
