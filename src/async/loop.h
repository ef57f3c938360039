// The event loop: runs tasks, and gives them I/O, time, and threads for blocking work.
// One loop a thread; everything but post() is for the thread that runs it.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "async/awaiters.h"
#include "async/backend.h"
#include "async/scheduler.h"
#include "async/task.h"
#include "async/timer_heap.h"

namespace oxbow::async {

struct LoopOptions {
  enum class Backend { automatic, io_uring, threads } backend = Backend::automatic;
  unsigned queue_depth = 256;  ///< requests passed to the kernel in one system call
  unsigned threads = 4;        ///< of the fallback
};

/// See Loop::register_buffer.
class RegisteredBuffer {
 public:
  RegisteredBuffer() = default;
  RegisteredBuffer(RegisteredBuffer&& other) noexcept
      : backend_(std::exchange(other.backend_, nullptr)), memory_(other.memory_) {}
  RegisteredBuffer& operator=(RegisteredBuffer&& other) noexcept {
    RegisteredBuffer old(std::move(*this));
    backend_ = std::exchange(other.backend_, nullptr);
    memory_ = other.memory_;
    return *this;
  }
  ~RegisteredBuffer() {
    if (backend_ != nullptr) backend_->unregister_buffer(memory_);
  }

  /// Whether the back end knows the memory.
  explicit operator bool() const { return backend_ != nullptr; }

 private:
  friend class Loop;
  RegisteredBuffer(Backend& backend, const iovec& memory) : backend_(&backend), memory_(memory) {}
  Backend* backend_ = nullptr;
  iovec memory_{};
};

/// Errors of I/O are Error::from_errno without context; callers add theirs.
/// An operation whose task is cancelled fails with ErrorKind::cancelled, unless it had
/// taken effect: then its result is told.
class Loop final : public Scheduler {
 public:
  /// Back end "automatic": io_uring where the kernel allows it, else threads, chosen
  /// when I/O first needs it; OXBOW_AIO=threads or io_uring in the environment decides.
  static Result<std::unique_ptr<Loop>> create(const LoopOptions& options = {});
  /// A loop over a given back end.
  static std::unique_ptr<Loop> create_on(std::unique_ptr<Backend> backend);
  /// This thread's loop, made when first asked for; it ends with the thread.
  static Loop& current_thread();
  /// Runs the spawned tasks to their ends. Those that nothing can wake any more are
  /// destroyed, and their `done` told that they were cancelled.
  ~Loop();

  /// Drives the loop until `task` has ended. Not from inside a task. A loop with nothing
  /// in flight may be run by another thread than before.
  template <class T>
  Result<T> run(Task<T> task) {
    if (task) TRY(drive(task.promise()));
    return task.take_result();
  }
  /// Runs `task` from the next turn on; `done` gets its result, on the loop's thread,
  /// and must not throw. Without `done` an error is dropped.
  void spawn(Task<void> task, std::function<void(Result<void>)> done = {});
  /// One turn without blocking. Not from inside a task.
  void poll();
  /// Runs until no spawned task is left. Not from inside a task.
  void drain();
  /// Runs `function` on the loop's thread, in one of its next turns. Thread-safe.
  void post(std::move_only_function<void()> function);

  /// Tells the kernel of memory that many requests with O_DIRECT will use, until the
  /// returned object goes; it must not outlive the loop, nor the memory go before it.
  /// Speeds up requests of a single buffer inside it; where it cannot be had nothing
  /// changes.
  RegisteredBuffer register_buffer(std::span<std::byte> memory);

  /// co_await gives Result<size_t>: bytes, possibly fewer than asked, 0 at the end.
  /// `into` (the array too) must stay until then.
  auto read(int fd, std::span<const iovec> into, uint64_t offset, Inline how = Inline::no) {
    return detail::BytesAwaiter(*this, transfer(Operation::Code::read, fd, into, offset, 0), how);
  }
  /// As read(). `rw_flags`: RWF_DSYNC and its like.
  auto write(int fd, std::span<const iovec> from, uint64_t offset, int rw_flags = 0,
             Inline how = Inline::no) {
    return detail::BytesAwaiter(*this, transfer(Operation::Code::write, fd, from, offset, rw_flags),
                                how);
  }
  /// co_await gives Result<void>.
  auto fsync(int fd, bool data_only) {
    Operation operation;
    operation.code = data_only ? Operation::Code::datasync : Operation::Code::fsync;
    operation.fd = fd;
    return detail::DoneAwaiter(*this, operation);
  }
  /// fallocate(2). co_await gives Result<void>.
  auto fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
    Operation operation;
    operation.code = Operation::Code::fallocate;
    operation.fd = fd;
    operation.flags = mode;
    operation.offset = offset;
    operation.length = length;
    return detail::DoneAwaiter(*this, operation);
  }
  /// Waits for one of `events` (POLLIN, ...). co_await gives Result<short>: what came.
  auto poll_fd(int fd, short events) {
    Operation operation;
    operation.code = Operation::Code::poll;
    operation.fd = fd;
    operation.flags = events;
    return detail::PollAwaiter(*this, operation);
  }
  /// co_await gives Result<void>.
  auto sleep_for(std::chrono::nanoseconds duration) {
    return detail::SleepAwaiter(*this, duration);
  }
  /// Lets the other tasks run. co_await gives Result<void>.
  auto yield() { return detail::YieldAwaiter(); }
  /// Calls `callable` on the worker pool. co_await gives its value as a Result; one that
  /// it returns itself is not wrapped again. A named callable is used where it is. A
  /// temporary one may capture references and plain values only, since GCC 12 copies it
  /// bit by bit into the coroutine frame.
  template <class F>
  auto offload(F&& callable) {
    static_assert(std::is_lvalue_reference_v<F> || std::is_trivially_copyable_v<F>,
                  "give the callable a name first: auto work = [...]{}; co_await offload(work)");
    return detail::OffloadAwaiter<F>(*this, std::forward<F>(callable));
  }

 private:
  friend class detail::IoAwaiter;
  friend class detail::SleepAwaiter;
  friend class detail::OffloadBase;
  struct Spawned;

  explicit Loop(const LoopOptions& options);
  static Operation transfer(Operation::Code code, int fd, std::span<const iovec> vectors,
                            uint64_t offset, int flags);

  Result<void> ensure_backend();
  Result<void> adopt_thread();
  Result<void> drive(PromiseBase& root);
  void turn(bool may_block, const PromiseBase* driven);
  void take_mail();
  void fire_timers();
  void run_ready();
  void end_finished();
  void end_spawned(Spawned& spawned, Result<void> result);
  void backend_turn(bool wait);
  bool prepare_to_sleep();
  [[nodiscard]] bool stuck();
  void deliver(PromiseBase& promise);
  void wake_if_asleep();

  LoopOptions options_;
  std::unique_ptr<Backend> backend_;
  TimerHeap timers_;
  Spawned* first_spawned_ = nullptr;
  Spawned* last_spawned_ = nullptr;
  unsigned offloads_ = 0;
  unsigned inline_left_ = 0;  // inline requests until other tasks get their turn
  bool running_ = false;
  std::thread::id thread_;

  std::mutex mail_mutex_;
  std::atomic<bool> mail_{false};                        // something is in the two below
  std::vector<std::move_only_function<void()>> posted_;  // guarded by mail_mutex_
  List delivered_;                                       // guarded by mail_mutex_
  std::atomic<bool> sleeping_{false};
};

}  // namespace oxbow::async
