// Threads for CPU work and blocking calls: one pool for the whole process, started
// when first used. Tasks reach it through Loop::offload.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace oxbow::async {

/// A piece of work; lives where its owner put it until run() has returned.
class WorkItem {
 public:
  WorkItem() = default;
  WorkItem(const WorkItem&) = delete;
  WorkItem& operator=(const WorkItem&) = delete;

 protected:
  ~WorkItem() = default;

 private:
  friend class WorkerPool;
  /// On a thread of the pool. Must not throw; the item may be gone when it returns.
  virtual void run() = 0;

  WorkItem* next_ = nullptr;
  WorkItem* previous_ = nullptr;
};

class WorkerPool {
 public:
  /// The pool of the process.
  static WorkerPool& shared();
  explicit WorkerPool(unsigned threads);
  /// Finishes what was submitted.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// The most threads from now on; at least one. Threads that run already stay.
  void set_threads(unsigned threads);
  [[nodiscard]] unsigned threads();

  /// Thread-safe; items start in order. False, and the item stays the caller's, where
  /// the pool has no thread and the system gives none.
  bool submit(WorkItem& item);
  /// True if the item had not started: it will not run, and is the caller's again.
  bool withdraw(WorkItem& item);

 private:
  void work();
  void unlink(WorkItem& item);
  bool ensure_thread();

  std::mutex mutex_;
  std::condition_variable work_there_;
  WorkItem* first_ = nullptr;
  WorkItem* last_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t idle_ = 0;
  unsigned limit_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace oxbow::async
