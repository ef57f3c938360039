// Tasks: nesting, values, errors, exceptions, and who frees a frame.
#include <stdexcept>
#include <string>

#include "allocation_failure.h"
#include "loop_fixture.h"

namespace oxbow::async {
namespace {

class TaskTest : public LoopTest {};
OXBOW_BOTH_BACKENDS(TaskTest);

Task<int> answer() { co_return 42; }
Task<int> refuse() { co_return fail(ErrorKind::busy, "refused"); }

Task<int> depth(int levels, Loop* leaf) {
  if (levels == 0) {
    if (leaf != nullptr) CO_TRY(co_await leaf->yield());
    co_return 0;
  }
  CO_TRY_ASSIGN(const int below, co_await depth(levels - 1, leaf));
  co_return below + 1;
}

TEST_P(TaskTest, ValueArrives) { EXPECT_EQ(*loop_->run(answer()), 42); }

TEST_P(TaskTest, HundredThousandNestedAwaitsKeepTheStackFlat) {
  EXPECT_EQ(*loop_->run(depth(100000, nullptr)), 100000);
}

TEST_P(TaskTest, DeepChainResumesFromItsLeaf) {
  EXPECT_EQ(*loop_->run(depth(100000, loop_.get())), 100000);
}

Task<long> sum(int count) {
  long total = 0;
  for (int i = 0; i < count; ++i) {
    CO_TRY_ASSIGN(const int value, co_await answer());
    total += value;
  }
  co_return total;
}

// Without a trampoline each await that completes at once would leave stack behind.
TEST_P(TaskTest, MillionAwaitsThatCompleteAtOnce) {
  EXPECT_EQ(*loop_->run(sum(1000000)), 42000000);
}

Task<std::string> relay_error(int levels) {
  if (levels == 0) {
    CO_TRY_ASSIGN(const int never, co_await refuse());
    co_return std::to_string(never);
  }
  co_return co_await relay_error(levels - 1);
}

TEST_P(TaskTest, ErrorTravelsThroughAllLevels) {
  const Result<std::string> result = loop_->run(relay_error(10));
  expect_error(result, ErrorKind::busy);
  EXPECT_EQ(result.error().message(), "refused");
}

Task<std::unique_ptr<std::string>> move_only() {
  auto value = std::make_unique<std::string>("moved without a copy");
  co_return value;
}

Task<std::unique_ptr<std::string>> relay_move_only() { co_return co_await move_only(); }

TEST_P(TaskTest, MoveOnlyValue) {
  EXPECT_EQ(**loop_->run(relay_move_only()), "moved without a copy");
}

Task<int> throw_it(bool out_of_memory) {
  if (out_of_memory) throw std::bad_alloc();
  throw std::runtime_error("thrown");
  co_return 0;
}

Task<int> outlive_exception() {
  const Result<int> result = co_await throw_it(false);
  co_return result ? 0 : 7;
}

TEST_P(TaskTest, ExceptionsBecomeErrors) {
  expect_error(loop_->run(throw_it(true)), ErrorKind::out_of_memory);
  const Result<int> result = loop_->run(throw_it(false));
  expect_error(result, ErrorKind::internal);
  EXPECT_EQ(result.error().message(), "thrown");
  EXPECT_EQ(*loop_->run(outlive_exception()), 7);
}

TEST_P(TaskTest, NeverStartedTaskFreesItsFrame) {
  const long before = frame_pool::live();
  {
    Task<int> task = answer();
    EXPECT_EQ(frame_pool::live(), before + 1);
    Task<int> moved = std::move(task);
    EXPECT_FALSE(task);  // NOLINT(bugprone-use-after-move): that is the point
    EXPECT_TRUE(moved);
    moved = refuse();
    EXPECT_EQ(frame_pool::live(), before + 1);
  }
  EXPECT_EQ(frame_pool::live(), before);
}

TEST_P(TaskTest, EmptyTaskIsAnError) {
  expect_error(loop_->run(Task<int>()), ErrorKind::out_of_memory);
}

struct Counted {
  explicit Counted(int& alive) : alive(&alive) { ++alive; }
  Counted(const Counted& other) : alive(other.alive) { ++*alive; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive; }
  int* alive;
};

Task<Counted> make_counted(int& alive) { co_return Counted(alive); }

Task<int> hold_counted(Loop& loop, int& alive, Counted by_value) {
  CO_TRY_ASSIGN(const Counted made, co_await make_counted(alive));
  CO_TRY(co_await loop.yield());
  CO_TRY_ASSIGN(const int refused, co_await refuse());
  co_return refused + *by_value.alive + *made.alive;
}

// GCC has destroyed parameters and temporaries of coroutines twice or never.
TEST_P(TaskTest, EveryObjectInFramesIsDestroyedOnce) {
  int alive = 0;
  expect_error(loop_->run(hold_counted(*loop_, alive, Counted(alive))), ErrorKind::busy);
  EXPECT_EQ(alive, 0);
}

Task<int> started_out_of_order() {
  Task<int> first = answer();
  Task<int> unused = refuse();
  Task<int> second = answer();
  CO_TRY_ASSIGN(const int b, co_await std::move(second));
  CO_TRY_ASSIGN(const int a, co_await std::move(first));
  co_return a + b;
}

TEST_P(TaskTest, NamedTasksStartWhenAwaited) { EXPECT_EQ(*loop_->run(started_out_of_order()), 84); }

TEST_P(TaskTest, NoMemoryForAnyFrameIsAnErrorAtEveryDepth) {
  constexpr int levels = 5;
  for (long given = 0; given <= levels; ++given) {
    const AllocationFailure failure(given);
    expect_error(loop_->run(depth(levels, loop_.get())), ErrorKind::out_of_memory);
    EXPECT_TRUE(failure.exhausted());
  }
  EXPECT_EQ(*loop_->run(depth(levels, loop_.get())), levels);
}

}  // namespace
}  // namespace oxbow::async
