// Cancellation: of everything a task can wait for, before, during and after the wait.
#include <fcntl.h>
#include <poll.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "async/worker_pool.h"
#include "loop_fixture.h"

namespace oxbow::async {
namespace {

using Signal = std::counting_semaphore<64>;

// What the tasks below wait for; nothing of it ever comes.
struct World {
  explicit World(Loop& a_loop) : loop(a_loop), held(mutex.try_lock()), semaphore(1) {}
  Loop& loop;
  Pipe pipe;
  Mutex mutex;
  Mutex::Guard held;
  Semaphore semaphore;
  Event event;
  WaitQueue queue;
  RangeLock ranges;
};

Task<void> read_pipe(World& world) {
  char byte = 0;
  const iovec vector{&byte, 1};
  CO_TRY(co_await world.loop.read(world.pipe.out, one(vector), 0));
  co_return {};
}
Task<void> poll_pipe(World& world) {
  CO_TRY(co_await world.loop.poll_fd(world.pipe.out, POLLIN));
  co_return {};
}
Task<void> sleep_long(World& world) { co_return co_await world.loop.sleep_for(1h); }
Task<void> lock_mutex(World& world) {
  CO_TRY(co_await world.mutex.lock());
  co_return {};
}
Task<void> wait_event(World& world) { co_return co_await world.event.wait(); }
Task<void> wait_queue(World& world) { co_return co_await world.queue.wait(); }
Task<void> take_too_much(World& world) {
  CO_TRY_ASSIGN(auto permit, co_await world.semaphore.acquire());
  CO_TRY(co_await world.semaphore.acquire());
  co_return {};
}
Task<void> lock_twice(World& world) {
  CO_TRY_ASSIGN(auto guard, co_await world.ranges.lock(0, 10, true));
  CO_TRY(co_await world.ranges.lock(5, 10, true));
  co_return {};
}
Task<void> yield_forever(World& world) {
  while (true) CO_TRY(co_await world.loop.yield());
}

struct Wait {
  const char* name;
  Task<void> (*start)(World&);
};
constexpr Wait waits[] = {
    {"read", read_pipe},          {"poll", poll_pipe},    {"sleep", sleep_long},
    {"mutex", lock_mutex},        {"event", wait_event},  {"queue", wait_queue},
    {"semaphore", take_too_much}, {"ranges", lock_twice}, {"yield", yield_forever}};

class CancelTest : public LoopTest {};
OXBOW_BOTH_BACKENDS(CancelTest);

Task<void> nested(World& world, Task<void> (*start)(World&), int levels) {
  if (levels > 0) co_return co_await nested(world, start, levels - 1);
  co_return co_await start(world);
}

TEST_P(CancelTest, EveryPendingWaitEnds) {
  for (const Wait& wait : waits) {
    SCOPED_TRACE(wait.name);
    World world(*loop_);
    CancelSource source;
    std::optional<Result<void>> ended;
    loop_->spawn(nested(world, wait.start, 5).cancelled_by(source.token()), store_in(ended));
    for (int i = 0; i < 10; ++i) turns();
    EXPECT_FALSE(ended);
    source.cancel();
    EXPECT_FALSE(ended) << "cancel() itself resumes nobody";
    loop_->drain();
    ASSERT_TRUE(ended);
    expect_error(*ended, ErrorKind::cancelled);
  }
}

TEST_P(CancelTest, EveryWaitRefusesToBeginWhenCancelled) {
  for (const Wait& wait : waits) {
    SCOPED_TRACE(wait.name);
    World world(*loop_);
    CancelSource source;
    source.cancel();
    Task<void> task = nested(world, wait.start, 5);
    expect_error(loop_->run(std::move(task).cancelled_by(source.token())), ErrorKind::cancelled);
  }
}

// After each number of turns: before the start, at it, in the wait.
TEST_P(CancelTest, CancellationAtEveryStep) {
  for (const Wait& wait : waits) {
    for (int step = 0; step < 6; ++step) {
      World world(*loop_);
      CancelSource source;
      std::optional<Result<void>> ended;
      loop_->spawn(nested(world, wait.start, 2).cancelled_by(source.token()), store_in(ended));
      for (int i = 0; i < step; ++i) loop_->poll();
      source.cancel();
      loop_->drain();
      ASSERT_TRUE(ended) << wait.name << " step " << step;
      expect_error(*ended, ErrorKind::cancelled);
    }
  }
}

// The fallback's thread has found that a pipe has no position, the loop has not heard of it.
TEST_P(CancelTest, StreamCancelledBetweenAttemptAndPoll) {
  World world(*loop_);
  CancelSource source;
  std::optional<Result<void>> ended;
  loop_->spawn(read_pipe(world).cancelled_by(source.token()), store_in(ended));
  loop_->poll();
  std::this_thread::sleep_for(20ms);
  source.cancel();
  loop_->drain();
  ASSERT_TRUE(ended);
  expect_error(*ended, ErrorKind::cancelled);
}

TEST_P(CancelTest, HundredWaitersCancelledAtOnce) {
  World world(*loop_);
  CancelSource source;
  int cancelled = 0;
  for (int i = 0; i < 100; ++i) {
    for (const Wait& wait : waits) {
      loop_->spawn(wait.start(world).cancelled_by(source.token()),
                   [&cancelled](const Result<void>& result) {
                     expect_error(result, ErrorKind::cancelled);
                     ++cancelled;
                   });
    }
  }
  turns();
  source.cancel();
  loop_->drain();
  EXPECT_EQ(cancelled, 900);
}

TEST_P(CancelTest, CancelledWaiterLeavesTheQueueToTheOthers) {
  Semaphore semaphore(3);
  CancelSource source;
  const auto take = [](Semaphore& from, size_t count, Event& until) -> Task<void> {
    CO_TRY_ASSIGN(auto permit, co_await from.acquire(count));
    co_return co_await until.wait();
  };
  Event until;
  std::optional<Result<void>> big;
  loop_->spawn(take(semaphore, 2, until));
  loop_->spawn(take(semaphore, 3, until).cancelled_by(source.token()), store_in(big));
  loop_->spawn(take(semaphore, 1, until));
  turns();
  EXPECT_EQ(semaphore.available(), 1U) << "the small one waits behind the big one";
  source.cancel();
  turns();
  EXPECT_EQ(semaphore.available(), 0U);
  until.set();
  loop_->drain();
  expect_error(*big, ErrorKind::cancelled);
}

Task<void> clean_up(World& world, bool& cleaned) {
  const Result<void> waited = co_await read_pipe(world);
  expect_error(waited, ErrorKind::cancelled);
  Task<void> rest = [](Loop& loop, bool& done) -> Task<void> {
    CO_TRY(co_await loop.sleep_for(1ms));
    CO_TRY(co_await loop.yield());
    done = true;
    co_return {};
  }(world.loop, cleaned);
  CO_TRY(co_await std::move(rest).shielded());
  co_return waited;
}

TEST_P(CancelTest, ShieldedTaskCleansUpAfterCancellation) {
  World world(*loop_);
  CancelSource source;
  bool cleaned = false;
  loop_->spawn(clean_up(world, cleaned).cancelled_by(source.token()));
  turns();
  source.cancel();
  loop_->drain();
  EXPECT_TRUE(cleaned);
}

Task<void> with_own_source(World& world, CancelSource*& mine) {
  CancelSource source(co_await current_cancel_token());
  mine = &source;
  const Result<void> result = co_await read_pipe(world).cancelled_by(source.token());
  mine = nullptr;
  co_return result;
}

TEST_P(CancelTest, LinkedSourceEndsItsPartOrFollowsItsParent) {
  for (const bool by_parent : {false, true}) {
    World world(*loop_);
    CancelSource parent;
    CancelSource* mine = nullptr;
    std::optional<Result<void>> ended;
    loop_->spawn(with_own_source(world, mine).cancelled_by(parent.token()), store_in(ended));
    turns();
    ASSERT_NE(mine, nullptr);
    (by_parent ? parent : *mine).cancel();
    EXPECT_EQ(parent.cancelled(), by_parent);
    loop_->drain();
    expect_error(*ended, ErrorKind::cancelled);
  }
}

TEST_P(CancelTest, SourceOfACancelledParentIsBornCancelled) {
  CancelSource parent;
  parent.cancel();
  EXPECT_TRUE(CancelSource(&parent.token()).cancelled());
}

Task<void> write_then_read(Loop& loop, int fd, std::string& buffer) {
  const iovec vector{buffer.data(), buffer.size()};
  while (true) {
    CO_TRY(co_await loop.write(fd, one(vector), 0));
    CO_TRY(co_await loop.read(fd, one(vector), 0));
  }
}

// The kernel may still use the buffer when the cancellation comes: the frame, and what
// it refers to, must stay until it has let go. asan would see the difference.
TEST_P(CancelTest, BuffersStayUntilTheKernelLetsGo) {
  const Descriptor file(temporary_file());
  for (int round = 0; round < 50; ++round) {
    auto buffer = std::make_unique<std::string>(256 * 1024, 'x');
    CancelSource source;
    std::optional<Result<void>> ended;
    loop_->spawn(write_then_read(*loop_, file, *buffer).cancelled_by(source.token()),
                 [&](Result<void> result) {
                   buffer.reset();
                   ended.emplace(std::move(result));
                 });
    for (int i = 0; i < round % 5; ++i) loop_->poll();
    source.cancel();
    loop_->drain();
    expect_error(*ended, ErrorKind::cancelled);
  }
}

Task<void> block_worker(Loop& loop, Signal& started, Signal& go) {
  co_return co_await loop.offload([&started, &go] {
    started.release();
    go.acquire();
  });
}

Task<void> set_in_worker(Loop& loop, std::atomic<bool>& ran) {
  co_return co_await loop.offload([&ran] { ran = true; });
}

// The running call is waited for and its result told; the one in the queue never runs.
TEST_P(CancelTest, OffloadIsWithdrawnUnlessItRuns) {
  Signal started(0);
  Signal go(0);
  std::atomic<bool> ran = false;
  CancelSource source;
  int ended_well = 0;
  std::optional<Result<void>> queued;
  const unsigned threads = WorkerPool::shared().threads();
  for (unsigned i = 0; i < threads; ++i) {
    loop_->spawn(block_worker(*loop_, started, go).cancelled_by(source.token()),
                 [&ended_well](const Result<void>& result) { ended_well += result ? 1 : 0; });
    turns();
    started.acquire();
  }
  loop_->spawn(set_in_worker(*loop_, ran).cancelled_by(source.token()), store_in(queued));
  turns();
  source.cancel();
  turns();
  ASSERT_TRUE(queued);
  expect_error(*queued, ErrorKind::cancelled);
  EXPECT_EQ(ended_well, 0);
  for (unsigned i = 0; i < threads; ++i) go.release();
  loop_->drain();
  EXPECT_EQ(ended_well, static_cast<int>(threads));
  EXPECT_FALSE(ran);
}

Task<void> cancel_from_task(CancelSource& source) {
  source.cancel();
  co_return {};
}

TEST_P(CancelTest, TaskMayCancelAnother) {
  World world(*loop_);
  CancelSource source;
  std::optional<Result<void>> ended;
  loop_->spawn(read_pipe(world).cancelled_by(source.token()), store_in(ended));
  loop_->spawn(cancel_from_task(source));
  loop_->drain();
  expect_error(*ended, ErrorKind::cancelled);
}

}  // namespace
}  // namespace oxbow::async
