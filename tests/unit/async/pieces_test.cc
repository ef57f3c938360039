// Frame pool, timer heap, worker pool and operation list by themselves.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <latch>
#include <random>
#include <thread>

#include "async/worker_pool.h"
#include "loop_fixture.h"

namespace oxbow::async {
namespace {

TEST(FramePool, ReusesABlockOfTheSameClass) {
  void* first = frame_pool::allocate(200);
  std::memset(first, 1, 200);
  frame_pool::release(first, 200);
  void* second = frame_pool::allocate(193);
  EXPECT_EQ(first, second);
  frame_pool::release(second, 193);
}

TEST(FramePool, CountsWhatIsAliveOfEverySize) {
  const long before = frame_pool::live();
  std::vector<std::pair<void*, size_t>> blocks;
  for (size_t size = 1; size < 5000; size += 37) {
    blocks.emplace_back(frame_pool::allocate(size), size);
    std::memset(blocks.back().first, 2, size);
  }
  EXPECT_EQ(frame_pool::live(), before + static_cast<long>(blocks.size()));
  for (const auto& [block, size] : blocks) frame_pool::release(block, size);
  EXPECT_EQ(frame_pool::live(), before);
}

TEST(FramePool, KeepsABoundedNumberOfBlocks) {
  std::vector<void*> blocks;
  for (int i = 0; i < 2000; ++i) blocks.push_back(frame_pool::allocate(128));
  for (void* block : blocks) frame_pool::release(block, 128);
  frame_pool::trim();
}

TEST(FramePool, TakesBlocksOfOtherThreads) {
  void* block = nullptr;
  std::thread([&] { block = frame_pool::allocate(100); }).join();
  frame_pool::release(block, 100);
  frame_pool::release(frame_pool::allocate(100), 100);
  void* balance = frame_pool::allocate(100);  // this thread released one more than it took
  std::thread([balance] { frame_pool::release(balance, 100); }).join();
}

TEST(TimerHeap, RandomInsertsAndRemovesComeOutSorted) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    TimerHeap heap;
    std::vector<TimerNode> nodes(100);
    std::vector<Clock::time_point> expected;
    for (TimerNode& node : nodes) {
      node.due = Clock::time_point(Clock::duration(random() % 50));
      heap.insert(node);
    }
    for (TimerNode& node : nodes) {
      if (random() % 3 == 0) {
        heap.remove(node);
        heap.remove(node);
      } else {
        expected.push_back(node.due);
      }
    }
    std::ranges::sort(expected);
    std::vector<Clock::time_point> got;
    while (!heap.empty()) {
      got.push_back(heap.earliest().due);
      heap.remove(heap.earliest());
    }
    EXPECT_EQ(got, expected);
  }
}

class CountingItem final : public WorkItem {
 public:
  explicit CountingItem(std::atomic<int>& count) : count_(count) {}

 private:
  void run() override { count_.fetch_add(1); }
  std::atomic<int>& count_;
};

class BlockingItem final : public WorkItem {
 public:
  std::latch started{1};
  std::latch go{1};

 private:
  void run() override {
    started.count_down();
    go.wait();
  }
};

TEST(WorkerPool, DestructorFinishesWhatWasSubmitted) {
  std::atomic<int> count{0};
  std::deque<CountingItem> items;
  {
    WorkerPool pool(3);
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(pool.submit(items.emplace_back(count)));
  }
  EXPECT_EQ(count.load(), 200);
}

TEST(WorkerPool, WithdrawnItemDoesNotRun) {
  std::atomic<int> count{0};
  BlockingItem blocker;
  CountingItem item(count);
  WorkerPool pool(1);
  ASSERT_TRUE(pool.submit(blocker));
  blocker.started.wait();
  ASSERT_TRUE(pool.submit(item));
  EXPECT_FALSE(pool.withdraw(blocker)) << "it runs";
  EXPECT_TRUE(pool.withdraw(item));
  EXPECT_FALSE(pool.withdraw(item));
  blocker.go.count_down();
  EXPECT_EQ(count.load(), 0);
}

TEST(WorkerPool, RunsAsManyAtOnceAsItHasThreads) {
  BlockingItem first;
  BlockingItem second;
  WorkerPool pool(1);
  EXPECT_EQ(pool.threads(), 1U);
  pool.set_threads(2);
  ASSERT_TRUE(pool.submit(first));
  ASSERT_TRUE(pool.submit(second));
  first.started.wait();
  second.started.wait();
  first.go.count_down();
  second.go.count_down();
}

TEST(OperationList, RemovesFromAnywhereAndAppends) {
  std::array<Operation, 5> operations;
  OperationList list;
  OperationList more;
  for (size_t i = 0; i < 3; ++i) list.push(operations[i]);
  for (size_t i = 3; i < 5; ++i) more.push(operations[i]);
  list.remove(operations[1]);
  list.append(more);
  EXPECT_TRUE(more.empty());
  list.remove(operations[4]);
  EXPECT_EQ(&list.pop(), &operations[0]);
  EXPECT_EQ(&list.pop(), &operations[2]);
  EXPECT_EQ(&list.pop(), &operations[3]);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace oxbow::async
