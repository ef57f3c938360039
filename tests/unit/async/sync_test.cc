// Mutex, semaphore, event and wait queue: order, exclusion, hand-over.
#include <vector>

#include "loop_fixture.h"

namespace oxbow::async {
namespace {

class SyncTest : public LoopTest {
 protected:
  std::vector<int> order_;
};
OXBOW_BOTH_BACKENDS(SyncTest);

Task<void> with_mutex(Loop& loop, Mutex& mutex, int id, std::vector<int>& order) {
  CO_TRY_ASSIGN(auto guard, co_await mutex.lock());
  order.push_back(id);
  for (int i = 0; i < id % 3; ++i) CO_TRY(co_await loop.yield());
  order.push_back(id);
  co_return {};
}

TEST_P(SyncTest, MutexServesInOrderOneAtATime) {
  Mutex mutex;
  std::vector<int> expected;
  for (int id = 0; id < 20; ++id) {
    loop_->spawn(with_mutex(*loop_, mutex, id, order_));
    expected.insert(expected.end(), 2, id);
  }
  loop_->drain();
  EXPECT_EQ(order_, expected);
  EXPECT_FALSE(mutex.locked());
}

TEST_P(SyncTest, MutexGuardMovesAndUnlocksEarly) {
  Mutex mutex;
  Mutex::Guard guard = mutex.try_lock();
  EXPECT_TRUE(guard);
  EXPECT_FALSE(mutex.try_lock());
  Mutex::Guard moved;
  moved = std::move(guard);
  EXPECT_TRUE(mutex.locked());
  moved.unlock();
  moved.unlock();
  EXPECT_FALSE(mutex.locked());
}

TEST_P(SyncTest, ReleasedMutexCannotBeOvertaken) {
  Mutex mutex;
  Mutex::Guard first = mutex.try_lock();
  loop_->spawn(with_mutex(*loop_, mutex, 0, order_));
  turns();
  first.unlock();
  EXPECT_FALSE(mutex.try_lock()) << "the waiter owns the lock before it runs";
  loop_->drain();
}

Task<void> with_permits(Loop& loop, Semaphore& semaphore, size_t count, size_t& held, size_t& most,
                        std::vector<int>& order, int id) {
  CO_TRY_ASSIGN(auto permit, co_await semaphore.acquire(count));
  order.push_back(id);
  held += count;
  most = std::max(most, held);
  for (size_t i = 0; i < 1 + count % 3; ++i) CO_TRY(co_await loop.yield());
  held -= count;
  co_return {};
}

TEST_P(SyncTest, SemaphoreBoundsWhatIsHeldAndKeepsOrder) {
  Semaphore semaphore(5);
  size_t held = 0;
  size_t most = 0;
  std::vector<int> expected;
  for (int id = 0; id < 40; ++id) {
    const auto count = static_cast<size_t>(id % 5 + 1);
    loop_->spawn(with_permits(*loop_, semaphore, count, held, most, order_, id));
    expected.push_back(id);
  }
  loop_->drain();
  EXPECT_EQ(most, 5U);
  EXPECT_EQ(order_, expected);
  EXPECT_EQ(semaphore.available(), 5U);
}

Task<void> wait_event(Event& event, int id, std::vector<int>& order) {
  CO_TRY(co_await event.wait());
  order.push_back(id);
  co_return {};
}

TEST_P(SyncTest, EventReleasesAllAndStaysSet) {
  Event event;
  for (int id = 0; id < 3; ++id) loop_->spawn(wait_event(event, id, order_));
  turns();
  EXPECT_TRUE(order_.empty());
  event.set();
  loop_->spawn(wait_event(event, 3, order_));
  loop_->drain();
  EXPECT_EQ(order_, (std::vector<int>{0, 1, 2, 3}));
  event.reset();
  loop_->spawn(wait_event(event, 4, order_));
  turns();
  EXPECT_EQ(order_.size(), 4U);
  event.set();
  loop_->drain();
}

Task<void> wait_queue(WaitQueue& queue, int id, std::vector<int>& order) {
  CO_TRY(co_await queue.wait());
  order.push_back(id);
  co_return {};
}

TEST_P(SyncTest, WaitQueueNotifiesOldestOrAll) {
  WaitQueue queue;
  queue.notify_one();  // lost
  for (int id = 0; id < 4; ++id) loop_->spawn(wait_queue(queue, id, order_));
  turns();
  queue.notify_one();
  turns();
  EXPECT_EQ(order_, (std::vector<int>{0}));
  queue.notify_all();
  EXPECT_FALSE(queue.has_waiters());
  loop_->drain();
  EXPECT_EQ(order_, (std::vector<int>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace oxbow::async
