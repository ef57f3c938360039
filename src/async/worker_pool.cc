// The worker pool: one queue, threads added while work waits and the limit allows.
#include "async/worker_pool.h"

#include <algorithm>
#include <exception>

namespace oxbow::async {

WorkerPool& WorkerPool::shared() {
  static WorkerPool pool(std::thread::hardware_concurrency());
  return pool;
}

WorkerPool::WorkerPool(unsigned threads) : limit_(std::max(threads, 1U)) {}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_there_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::set_threads(unsigned threads) {
  const std::lock_guard lock(mutex_);
  limit_ = std::max(threads, 1U);
}

unsigned WorkerPool::threads() {
  const std::lock_guard lock(mutex_);
  return limit_;
}

bool WorkerPool::submit(WorkItem& item) {
  const std::lock_guard lock(mutex_);
  if (!ensure_thread()) return false;
  item.next_ = nullptr;
  item.previous_ = last_;
  (last_ != nullptr ? last_->next_ : first_) = &item;
  last_ = &item;
  ++queued_;
  work_there_.notify_one();
  return true;
}

// With mutex_ held, before one more item is queued.
bool WorkerPool::ensure_thread() {
  if (idle_ > queued_ || threads_.size() >= limit_) return true;
  try {
    threads_.emplace_back([this] { work(); });
    ++idle_;
  } catch (const std::exception&) {
    return !threads_.empty();
  }
  return true;
}

bool WorkerPool::withdraw(WorkItem& item) {
  const std::lock_guard lock(mutex_);
  for (WorkItem* queued = first_; queued != nullptr; queued = queued->next_) {
    if (queued != &item) continue;
    unlink(item);
    return true;
  }
  return false;
}

void WorkerPool::unlink(WorkItem& item) {
  (item.previous_ != nullptr ? item.previous_->next_ : first_) = item.next_;
  (item.next_ != nullptr ? item.next_->previous_ : last_) = item.previous_;
  --queued_;
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_there_.wait(lock, [this] { return stopping_ || first_ != nullptr; });
    if (first_ == nullptr) return;
    WorkItem& item = *first_;
    unlink(item);
    --idle_;
    lock.unlock();
    item.run();
    lock.lock();
    ++idle_;
  }
}

}  // namespace oxbow::async
