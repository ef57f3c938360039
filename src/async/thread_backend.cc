// The fallback where io_uring is denied: a few threads do the system calls, the loop's
// thread polls. Requests and results change hands in batches under one mutex.
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "async/backend.h"
#include "async/waker.h"

namespace oxbow::async {
namespace {

using Code = Operation::Code;

class ThreadBackend final : public Backend {
 public:
  ThreadBackend(unsigned threads, Waker waker) : limit_(threads), waker_(std::move(waker)) {}
  ~ThreadBackend() override;

  void submit(Operation& operation) override;
  void cancel(Operation& operation) override;
  void turn(bool wait, std::optional<Clock::time_point> deadline, OperationList& finished) override;
  void wake() override { waker_.wake(); }
  [[nodiscard]] unsigned in_flight() const override { return in_flight_; }

 private:
  void work();
  void hand_over();
  void start_threads();
  bool prepare_to_sleep();
  void take_done(OperationList& finished);
  void poll_descriptors(bool wait, std::optional<Clock::time_point> deadline);
  void become_ready(Operation& operation, short revents);
  void end_here(Operation& operation, int64_t result);

  unsigned limit_;
  Waker waker_;
  unsigned in_flight_ = 0;
  OperationList queued_;             // submitted since the last turn
  OperationList ended_;              // finished on this thread
  std::vector<Operation*> polled_;   // polls, and transfers of streams not ready yet
  std::vector<pollfd> descriptors_;  // of polled_ in order, then the waker's

  std::mutex mutex_;
  std::condition_variable work_there_;
  OperationList todo_;  // guarded by mutex_, as all below
  OperationList done_;
  size_t todo_count_ = 0;
  bool loop_sleeps_ = false;
  bool stopping_ = false;
  size_t idle_ = 0;
  std::vector<std::thread> threads_;
};

ThreadBackend::~ThreadBackend() {
  assert(in_flight_ == 0);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_there_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadBackend::submit(Operation& operation) {
  operation.in_flight = true;
  ++in_flight_;
  if (operation.code == Code::poll) {
    polled_.push_back(&operation);
  } else {
    queued_.push(operation);
  }
}

void ThreadBackend::end_here(Operation& operation, int64_t result) {
  operation.result = result;
  ended_.push(operation);
}

void ThreadBackend::cancel(Operation& operation) {
  if (std::erase(polled_, &operation) > 0) return end_here(operation, -ECANCELED);
  operation.unwanted = true;  // should it turn out to be a stream that is not ready
  const std::lock_guard lock(mutex_);
  for (OperationList* list : {&queued_, &todo_}) {
    for (Operation* waiting = list->front(); waiting != nullptr; waiting = waiting->next) {
      if (waiting != &operation) continue;
      list->remove(operation);
      if (list == &todo_) --todo_count_;
      return end_here(operation, -ECANCELED);
    }
  }
}

void ThreadBackend::turn(bool wait, std::optional<Clock::time_point> deadline,
                         OperationList& finished) {
  hand_over();
  const bool sleep = wait && ended_.empty() && prepare_to_sleep();
  if (sleep || !polled_.empty()) poll_descriptors(sleep, deadline);
  take_done(finished);
}

// From here until take_done() a thread that finishes something wakes the loop.
bool ThreadBackend::prepare_to_sleep() {
  const std::lock_guard lock(mutex_);
  loop_sleeps_ = done_.empty();
  return loop_sleeps_;
}

void ThreadBackend::hand_over() {
  if (queued_.empty()) return;
  size_t count = 0;
  for (Operation* operation = queued_.front(); operation != nullptr; operation = operation->next) {
    ++count;
  }
  {
    const std::lock_guard lock(mutex_);
    todo_.append(queued_);
    todo_count_ += count;
    start_threads();
  }
  if (count == 1) {
    work_there_.notify_one();
  } else {
    work_there_.notify_all();
  }
}

// With mutex_ held. The first thread is needed, the others are welcome.
void ThreadBackend::start_threads() {
  while (idle_ < todo_count_ && threads_.size() < limit_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::exception&) {
      if (threads_.empty()) throw;
      return;
    }
    ++idle_;
  }
}

void ThreadBackend::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_there_.wait(lock, [this] { return stopping_ || !todo_.empty(); });
    if (todo_.empty()) return;
    Operation& operation = todo_.pop();
    --todo_count_;
    --idle_;
    lock.unlock();
    operation.result = perform(operation);
    lock.lock();
    ++idle_;
    done_.push(operation);
    if (loop_sleeps_) {
      loop_sleeps_ = false;
      waker_.wake();
    }
  }
}

void ThreadBackend::take_done(OperationList& finished) {
  {
    const std::lock_guard lock(mutex_);
    loop_sleeps_ = false;
    ended_.append(done_);
  }
  while (!ended_.empty()) {
    Operation& operation = ended_.pop();
    const bool transfer = operation.code == Code::read || operation.code == Code::write;
    if (operation.result == -ESPIPE && transfer && !operation.stream) {
      operation.stream = true;
      if (!operation.unwanted) {
        polled_.push_back(&operation);
        continue;
      }
      operation.result = -ECANCELED;
    }
    operation.in_flight = false;
    --in_flight_;
    finished.push(operation);
  }
}

short events_of(const Operation& operation) {
  switch (operation.code) {
    case Code::poll: return static_cast<short>(operation.flags);
    case Code::read: return POLLIN;
    default: return POLLOUT;
  }
}

void ThreadBackend::poll_descriptors(bool wait, std::optional<Clock::time_point> deadline) {
  descriptors_.clear();
  for (const Operation* operation : polled_) {
    descriptors_.push_back({operation->fd, events_of(*operation), 0});
  }
  descriptors_.push_back({waker_.fd(), POLLIN, 0});
  timespec limit{};
  if (wait && deadline) {
    const auto left = std::max(*deadline - Clock::now(), Clock::duration::zero());
    limit.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    limit.tv_nsec = (left % std::chrono::seconds(1)).count();
  }
  const timespec* timeout = wait && !deadline ? nullptr : &limit;
  if (ppoll(descriptors_.data(), descriptors_.size(), timeout, nullptr) <= 0) return;
  if (descriptors_.back().revents != 0) waker_.clear();
  // Backwards, so that what is erased does not move what is still to be seen.
  for (size_t i = polled_.size(); i-- > 0;) {
    if (descriptors_[i].revents == 0) continue;
    Operation& operation = *polled_[i];
    polled_.erase(polled_.begin() + static_cast<ptrdiff_t>(i));
    become_ready(operation, descriptors_[i].revents);
  }
}

void ThreadBackend::become_ready(Operation& operation, short revents) {
  if (operation.code != Code::poll) {
    queued_.push(operation);
  } else if ((revents & POLLNVAL) != 0) {
    end_here(operation, -EBADF);
  } else {
    end_here(operation, revents);
  }
}

}  // namespace

Result<std::unique_ptr<Backend>> make_thread_backend(unsigned threads) {
  TRY_ASSIGN(Waker waker, Waker::create());
  return std::make_unique<ThreadBackend>(std::max(threads, 1U), std::move(waker));
}

}  // namespace oxbow::async
