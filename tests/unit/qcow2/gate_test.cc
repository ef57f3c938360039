// The gate's promise of durability while writes and flushes are under way together.
#include "format/qcow2/gate.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "async/sync.h"
#include "lent_storage.h"
#include "storage/memory.h"

namespace oxbow::format::qcow2 {
namespace {

// Writes and flushes end when the test says so.
class HeldStorage final : public storage::LentStorage {
 public:
  HeldStorage() : LentStorage(std::make_shared<storage::MemoryStorage>()) {}

  Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    CO_TRY(co_await write_may_end.wait());
    co_return co_await inner_->write(offset, from, flags);
  }
  Task<> flush() override {
    ++flushes_begun;
    CO_TRY(co_await flush_may_end.wait());
    co_return co_await inner_->flush();
  }

  async::Event write_may_end;
  async::Event flush_may_end;
  int flushes_begun = 0;
};

Task<> few_turns() {
  for (int i = 0; i < 5; ++i) CO_TRY(co_await async::Loop::current_thread().yield());
  co_return {};
}

class GateTest : public ::testing::Test {
 protected:
  Result<void> run(Task<> task) { return async::Loop::current_thread().run(std::move(task)); }
  void start(Task<> task, bool& ended) {
    async::Loop::current_thread().spawn(std::move(task),
                                        [&ended](const Result<void>&) { ended = true; });
  }
  void turn() { ASSERT_TRUE(run(few_turns())); }
  void TearDown() override { async::Loop::current_thread().drain(); }

  HeldStorage* file = new HeldStorage;
  Gate gate{std::unique_ptr<storage::Storage>(file)};
  std::byte byte{1};
  iovec from{&byte, 1};
};

// A flush that began before a write had ended was taken to cover it.
TEST_F(GateTest, write_that_ends_during_a_flush_is_flushed_by_the_next_barrier) {
  bool first_written = false;
  bool written = false;
  bool flushed = false;
  file->write_may_end.set();
  start(gate.write(Writes::active_l2, 0, IoSpan(&from, 1)), first_written);
  turn();
  ASSERT_TRUE(first_written);

  file->write_may_end.reset();
  start(gate.write(Writes::active_l2, 8, IoSpan(&from, 1)), written);
  start(gate.barrier(), flushed);
  turn();
  ASSERT_EQ(file->flushes_begun, 1);
  file->write_may_end.set();
  turn();
  ASSERT_TRUE(written);
  file->flush_may_end.set();
  turn();
  ASSERT_TRUE(flushed);

  ASSERT_TRUE(run(gate.barrier()));
  EXPECT_EQ(file->flushes_begun, 2);
}

// A barrier came back at once because another one was already on its way.
TEST_F(GateTest, barrier_waits_for_the_flush_that_covers_it) {
  bool written = false;
  bool first = false;
  bool second = false;
  file->write_may_end.set();
  start(gate.write(Writes::active_l2, 0, IoSpan(&from, 1)), written);
  start(gate.barrier(), first);
  turn();
  start(gate.barrier(), second);
  turn();
  EXPECT_FALSE(first);
  EXPECT_FALSE(second);
  file->flush_may_end.set();
  turn();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
}

TEST_F(GateTest, barrier_without_writes_flushes_nothing) {
  ASSERT_TRUE(run(gate.barrier()));
  EXPECT_EQ(file->flushes_begun, 0);
}

}  // namespace
}  // namespace oxbow::format::qcow2
