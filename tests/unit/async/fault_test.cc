// Fault injection: the k-th operation of a workload fails, for every k; the workload
// must end with that error, or with success where it was not reached, and leak nothing.
#include <deque>
#include <map>

#include "allocation_failure.h"
#include "loop_fixture.h"

namespace oxbow::async {
namespace {

/// Memory behind descriptors; fails one operation, and completes in a stated order.
class FaultyBackend final : public Backend {
 public:
  struct Plan {
    long failing = -1;  ///< number of the operation that fails, from 0
    int error = EIO;
    bool short_transfers = false;  ///< every other transfer does half
    bool newest_first = false;
    CancelSource* cancel = nullptr;  ///< is told instead of a failure
  };

  explicit FaultyBackend(Plan& plan, long& submitted) : plan_(plan), submitted_(submitted) {}
  ~FaultyBackend() override { EXPECT_TRUE(waiting_.empty()); }

  void submit(Operation& operation) override {
    operation.in_flight = true;
    waiting_.push_back(&operation);
    const long number = submitted_++;
    if (number != plan_.failing) return;
    if (plan_.cancel == nullptr) {
      failing_ = &operation;
    } else {
      cancel_soon_ = true;
    }
  }
  void cancel(Operation& operation) override { cancelled_[&operation] = true; }

  void turn(bool, std::optional<Clock::time_point>, OperationList& finished) override {
    if (std::exchange(cancel_soon_, false)) plan_.cancel->cancel();
    // One at a time, so that every interleaving of the tasks is seen.
    if (waiting_.empty()) return;
    Operation& operation = plan_.newest_first ? *waiting_.back() : *waiting_.front();
    if (plan_.newest_first) {
      waiting_.pop_back();
    } else {
      waiting_.pop_front();
    }
    operation.result = result_of(operation);
    operation.in_flight = false;
    finished.push(operation);
  }
  void wake() override {}
  [[nodiscard]] unsigned in_flight() const override {
    return static_cast<unsigned>(waiting_.size());
  }

 private:
  int64_t result_of(Operation& operation) {
    const bool cancelled = cancelled_.erase(&operation) > 0;
    if (cancelled) return -ECANCELED;
    if (&operation == failing_) {
      failing_ = nullptr;
      return -plan_.error;
    }
    const bool transfer =
        operation.code == Operation::Code::read || operation.code == Operation::Code::write;
    return transfer ? move_bytes(operation) : 0;
  }
  int64_t move_bytes(const Operation& operation) {
    auto length = static_cast<int64_t>(operation.vectors->iov_len);
    if (plan_.short_transfers && length > 1 && (++transfers_ % 2) == 0) length /= 2;
    auto* bytes = static_cast<char*>(operation.vectors->iov_base);
    for (int64_t i = 0; i < length; ++i) {
      char& stored = memory_[operation.offset + static_cast<uint64_t>(i)];
      if (operation.code == Operation::Code::read) {
        bytes[i] = stored;
      } else {
        stored = bytes[i];
      }
    }
    return length;
  }

  Plan& plan_;
  long& submitted_;
  std::deque<Operation*> waiting_;
  std::map<Operation*, bool> cancelled_;
  std::map<uint64_t, char> memory_;
  Operation* failing_ = nullptr;
  bool cancel_soon_ = false;
  long transfers_ = 0;
};

Task<void> transfer_all(Loop& loop, std::string& buffer, uint64_t offset, bool reads) {
  size_t done = 0;
  while (done < buffer.size()) {
    const iovec rest{buffer.data() + done, buffer.size() - done};
    Result<size_t> moved;
    if (reads) {
      moved = co_await loop.read(3, one(rest), offset + done);
    } else {
      moved = co_await loop.write(3, one(rest), offset + done);
    }
    if (!moved) co_return std::unexpected(std::move(moved).error());
    done += *moved;
  }
  co_return {};
}

// Locks, buffers, nesting, and a check that what was written is read.
Task<void> one_request(Loop& loop, RangeLock& ranges, Semaphore& memory, Mutex& flushing,
                       unsigned id) {
  CO_TRY_ASSIGN(auto permit, co_await memory.acquire(1 + id % 2));
  CO_TRY_ASSIGN(auto range, co_await ranges.lock(id * 6, 10, true));
  std::string written(10, static_cast<char>('a' + id));
  std::string got(10, '?');
  CO_TRY(co_await transfer_all(loop, written, id * 6, false));
  {
    CO_TRY_ASSIGN(auto guard, co_await flushing.lock());
    CO_TRY(co_await loop.fsync(3, true));
  }
  CO_TRY(co_await transfer_all(loop, got, id * 6, true));
  EXPECT_EQ(got, written);
  co_return {};
}

Task<void> workload(Loop& loop) {
  RangeLock ranges;
  Semaphore memory(3);
  Mutex flushing;
  TaskGroup group(4);
  Result<void> spawned;
  for (unsigned id = 0; id < 6 && spawned; ++id) {
    spawned = co_await group.spawn(one_request(loop, ranges, memory, flushing, id));
  }
  const Result<void> joined = co_await group.join();
  EXPECT_TRUE(ranges.idle());
  EXPECT_FALSE(flushing.locked());
  EXPECT_EQ(memory.available(), 3U);
  co_return joined ? spawned : joined;
}

class FaultTest : public testing::Test {
 protected:
  Result<void> run(FaultyBackend::Plan plan) {
    submitted_ = 0;
    const long frames = frame_pool::live();
    Result<void> result;
    {
      const auto loop = Loop::create_on(std::make_unique<FaultyBackend>(plan, submitted_));
      Task<void> task = workload(*loop);
      if (plan.cancel != nullptr) task = std::move(task).cancelled_by(plan.cancel->token());
      result = loop->run(std::move(task));
    }
    EXPECT_EQ(frame_pool::live(), frames) << "coroutine frames leaked";
    return result;
  }
  long submitted_ = 0;
};

TEST_F(FaultTest, EveryOperationFailsInTurn) {
  for (const bool newest_first : {false, true}) {
    for (const bool short_transfers : {false, true}) {
      FaultyBackend::Plan plan{.short_transfers = short_transfers, .newest_first = newest_first};
      ASSERT_TRUE(run(plan));
      const long operations = submitted_;
      ASSERT_GE(operations, 18);
      for (plan.failing = 0; plan.failing < operations; ++plan.failing) {
        plan.error = plan.failing % 2 == 0 ? EIO : ENOSPC;
        expect_error(run(plan), plan.error == EIO ? ErrorKind::io : ErrorKind::no_space);
      }
      EXPECT_TRUE(run(plan)) << "nothing fails beyond the last operation";
    }
  }
}

TEST_F(FaultTest, CancelledAtEveryOperation) {
  for (const bool newest_first : {false, true}) {
    FaultyBackend::Plan plan{.newest_first = newest_first};
    ASSERT_TRUE(run(plan));
    const long operations = submitted_;
    for (plan.failing = 0; plan.failing < operations; ++plan.failing) {
      CancelSource source;
      plan.cancel = &source;
      expect_error(run(plan), ErrorKind::cancelled);
    }
  }
}

// join() itself needs a frame: the workload cannot be cut off there, so only the frames
// of a chain without a group are refused.
Task<void> chain(Loop& loop, int levels) {
  std::string buffer(8, 'x');
  CO_TRY(co_await transfer_all(loop, buffer, 0, false));
  if (levels > 0) CO_TRY(co_await chain(loop, levels - 1));
  co_return co_await transfer_all(loop, buffer, 0, true);
}

TEST_F(FaultTest, EveryFrameAllocationFailsInTurn) {
  constexpr int levels = 4;
  const long frames = frame_pool::live();
  FaultyBackend::Plan plan;
  const auto loop = Loop::create_on(std::make_unique<FaultyBackend>(plan, submitted_));
  long given = 0;
  bool enough = false;
  for (; given < 100 && !enough; ++given) {
    const AllocationFailure failure(given);
    const Result<void> result = loop->run(chain(*loop, levels));
    enough = result.has_value();
    if (!enough) expect_error(result, ErrorKind::out_of_memory);
  }
  EXPECT_GT(given, levels);
  EXPECT_TRUE(enough);
  EXPECT_EQ(frame_pool::live(), frames);
}

}  // namespace
}  // namespace oxbow::async
