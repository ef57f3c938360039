// The loop: spawned tasks, posts, timers, turns, offloads, and its end.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "async/worker_pool.h"
#include "loop_fixture.h"

namespace oxbow::async {
namespace {

class LoopRuns : public LoopTest {};
OXBOW_BOTH_BACKENDS(LoopRuns);

Task<void> append(std::vector<int>& to, int value) {
  to.push_back(value);
  co_return {};
}

Task<void> fail_with(ErrorKind kind) { co_return fail(kind, "as told"); }

TEST_P(LoopRuns, SpawnedTasksRunInOrderAndTellTheirEnd) {
  std::vector<int> order;
  std::optional<Result<void>> failed;
  for (int i = 0; i < 5; ++i) loop_->spawn(append(order, i));
  loop_->spawn(fail_with(ErrorKind::busy), store_in(failed));
  EXPECT_TRUE(order.empty()) << "spawn() runs nothing itself";
  loop_->drain();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  ASSERT_TRUE(failed);
  expect_error(*failed, ErrorKind::busy);
}

Task<int> count_yields(Loop& loop, int count) {
  for (int i = 0; i < count; ++i) CO_TRY(co_await loop.yield());
  co_return count;
}

Task<void> sleep_and_append(Loop& loop, std::chrono::milliseconds time, std::vector<int>& to) {
  CO_TRY(co_await loop.sleep_for(time));
  to.push_back(static_cast<int>(time.count()));
  co_return {};
}

TEST_P(LoopRuns, TimersFireInOrderOfTime) {
  std::vector<int> order;
  const auto start = Clock::now();
  for (const int time : {30, 10, 20, 0, 25}) {
    loop_->spawn(sleep_and_append(*loop_, std::chrono::milliseconds(time), order));
  }
  loop_->drain();
  EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 25, 30}));
  EXPECT_GE(Clock::now() - start, 30ms);
}

TEST_P(LoopRuns, PollDoesNotBlock) {
  std::vector<int> order;
  loop_->spawn(sleep_and_append(*loop_, 200ms, order));
  const auto start = Clock::now();
  turns();
  EXPECT_LT(Clock::now() - start, 150ms);
  EXPECT_TRUE(order.empty());
  loop_->drain();
}

TEST_P(LoopRuns, OtherTasksRunWhileOneIsDriven) {
  std::vector<int> order;
  loop_->spawn(append(order, 1));
  EXPECT_EQ(*loop_->run(count_yields(*loop_, 3)), 3);
  EXPECT_EQ(order, (std::vector<int>{1}));
}

Task<void> wait_for(Event& event) { co_return co_await event.wait(); }

TEST_P(LoopRuns, PostsFromThreadsWakeTheLoop) {
  constexpr int threads = 4;
  constexpr int posts = 250;
  Event all_there;
  int seen = 0;
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < posts; ++i) {
        loop_->post([&] {
          if (++seen == threads * posts) all_there.set();
        });
        if (i % 50 == 0) std::this_thread::sleep_for(1ms);
      }
    });
  }
  EXPECT_TRUE(loop_->run(wait_for(all_there)));
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(seen, threads * posts);
}

TEST_P(LoopRuns, PostedFunctionMayBeMoveOnly) {
  auto value = std::make_unique<int>(5);
  int seen = 0;
  loop_->post([&seen, value = std::move(value)] { seen = *value; });
  loop_->poll();
  EXPECT_EQ(seen, 5);
}

Task<std::string> offload_things(Loop& loop) {
  const std::thread::id here = std::this_thread::get_id();
  const std::string captured = "a string too long for the small-string buffer";
  auto work = [captured, here] {
    return captured + (std::this_thread::get_id() == here ? ", same thread" : ", elsewhere");
  };
  co_return co_await loop.offload(work);
}

Task<void> offload_failure(Loop& loop) {
  co_return co_await loop.offload([]() -> Result<void> { return fail(ErrorKind::busy, "no"); });
}

Task<void> offload_exception(Loop& loop) {
  co_return co_await loop.offload([] { throw std::bad_alloc(); });
}

Task<std::unique_ptr<int>> offload_move_only(Loop& loop) {
  int base = 6;
  co_return co_await loop.offload([&base] { return std::make_unique<int>(base + 1); });
}

TEST_P(LoopRuns, OffloadedCallablesRunElsewhereAndReturnHere) {
  EXPECT_EQ(*loop_->run(offload_things(*loop_)),
            "a string too long for the small-string buffer, elsewhere");
  expect_error(loop_->run(offload_failure(*loop_)), ErrorKind::busy);
  expect_error(loop_->run(offload_exception(*loop_)), ErrorKind::out_of_memory);
  EXPECT_EQ(**loop_->run(offload_move_only(*loop_)), 7);
}

Task<void> offload_count(Loop& loop, std::atomic<int>& count, int times) {
  for (int i = 0; i < times; ++i) {
    CO_TRY(co_await loop.offload([&count] { count.fetch_add(1); }));
  }
  co_return {};
}

TEST_P(LoopRuns, ManyOffloadsAtOnce) {
  std::atomic<int> count{0};
  for (int i = 0; i < 50; ++i) loop_->spawn(offload_count(*loop_, count, 20));
  loop_->drain();
  EXPECT_EQ(count.load(), 1000);
}

TEST_P(LoopRuns, DestructorRunsSpawnedTasksToTheirEnds) {
  std::vector<int> order;
  std::atomic<int> count{0};
  std::optional<Result<void>> ended;
  loop_->spawn(sleep_and_append(*loop_, 5ms, order), store_in(ended));
  loop_->spawn(offload_count(*loop_, count, 3));
  loop_.reset();
  EXPECT_EQ(order, (std::vector<int>{5}));
  EXPECT_EQ(count.load(), 3);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(*ended);
}

Task<void> hold_and_wait(Mutex& mutex, Event& never, int& destroyed) {
  struct Count {
    int& destroyed;
    ~Count() { ++destroyed; }
  } const count{destroyed};
  CO_TRY_ASSIGN(auto guard, co_await mutex.lock());
  co_return co_await never.wait();
}

// The first holds the mutex and waits for an event that nobody sets, the others for it.
TEST_P(LoopRuns, DestructorFreesTasksThatNothingCanWake) {
  Mutex mutex;
  Event never;
  int destroyed = 0;
  std::vector<std::optional<Result<void>>> ended(3);
  for (auto& slot : ended) loop_->spawn(hold_and_wait(mutex, never, destroyed), store_in(slot));
  turns();
  loop_.reset();
  EXPECT_EQ(destroyed, 3);
  EXPECT_FALSE(mutex.locked());
  for (auto& slot : ended) {
    ASSERT_TRUE(slot);
    expect_error(*slot, ErrorKind::cancelled);
  }
}

Task<size_t> read_some(Loop& loop, int fd) {
  char byte = 0;
  const iovec vector{&byte, 1};
  co_return co_await loop.read(fd, one(vector), 0);
}

TEST_P(LoopRuns, MovesToAnotherThreadWhenNothingIsInFlight) {
  const Descriptor file(temporary_file("x"));
  EXPECT_EQ(*loop_->run(read_some(*loop_, file)), 1U);
  std::thread([&] { EXPECT_EQ(*loop_->run(read_some(*loop_, file)), 1U); }).join();
  EXPECT_EQ(*loop_->run(read_some(*loop_, file)), 1U);
}

TEST_P(LoopRuns, RunFromAnotherThreadIsRefusedWhileIoIsInFlight) {
  if (GetParam() != LoopOptions::Backend::io_uring) GTEST_SKIP() << "threads do not mind";
  Pipe pipe;
  loop_->spawn([](Loop& loop, int fd) -> Task<void> {
    CO_TRY(co_await read_some(loop, fd));
    co_return {};
  }(*loop_, pipe.out));
  turns();
  std::thread([&] {
    expect_error(loop_->run(count_yields(*loop_, 1)), ErrorKind::internal);
    // This thread's pool gave the frame back to itself.
    EXPECT_EQ(frame_pool::live(), 0);
  }).join();
  pipe.in.reset();
  loop_->drain();
}

TEST(CurrentThreadLoop, IsOneAThreadAndFollowsTheEnvironment) {
  Loop* other = nullptr;
  for (const char* backend : {"threads", "io_uring", "nonsense"}) {
    setenv("OXBOW_AIO", backend, 1);
    std::thread([&] {
      const Descriptor file(temporary_file("x"));
      Loop& loop = Loop::current_thread();
      EXPECT_EQ(&loop, &Loop::current_thread());
      other = &loop;
      const Result<size_t> got = loop.run(read_some(loop, file));
      EXPECT_TRUE(got || std::string(backend) == "io_uring") << "only a denied ring may fail";
    }).join();
    EXPECT_NE(other, &Loop::current_thread());
  }
  unsetenv("OXBOW_AIO");
}

}  // namespace
}  // namespace oxbow::async
