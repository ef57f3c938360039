// Locks for the tasks of one loop: mutex, semaphore, event, wait queue; the range lock
// has a file of its own. First come, first served; no atomics, no allocation. A wait
// ends with ErrorKind::cancelled when its task is cancelled.
#pragma once

#include <cassert>
#include <cstddef>

#include "async/range_lock.h"
#include "async/wait_list.h"

namespace oxbow::async {

/// `CO_TRY_ASSIGN(auto guard, co_await mutex.lock());`
class Mutex : private detail::WaitList {
 public:
  /// Unlocks when destroyed. Must not outlive the mutex.
  class [[nodiscard]] Guard {
   public:
    Guard() = default;
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&& other) noexcept {
      Guard old(std::move(*this));
      mutex_ = std::exchange(other.mutex_, nullptr);
      return *this;
    }
    ~Guard() { unlock(); }

    /// True while it holds the lock.
    explicit operator bool() const { return mutex_ != nullptr; }
    /// Early; harmless when it holds nothing.
    void unlock() {
      if (Mutex* mutex = std::exchange(mutex_, nullptr)) mutex->unlock();
    }

   private:
    friend class Mutex;
    explicit Guard(Mutex* mutex) : mutex_(mutex) {}
    Mutex* mutex_ = nullptr;
  };

  Mutex() = default;
  ~Mutex() { assert(!locked_); }

  /// co_await gives Result<Guard>.
  auto lock() { return LockAwaiter(*this); }
  /// An empty guard if the lock is taken.
  Guard try_lock() { return take() ? Guard(this) : Guard(); }
  [[nodiscard]] bool locked() const { return locked_; }

 private:
  class LockAwaiter : private detail::Waiter {
   public:
    explicit LockAwaiter(Mutex& mutex) : Waiter(mutex), mutex_(mutex) {}
    bool await_ready() {
      if (!mutex_.take()) return false;
      set_granted();
      return true;
    }
    template <std::derived_from<PromiseBase> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return wait(self.promise());
    }
    Result<Guard> await_resume() {
      if (!granted()) return cancelled();
      return Guard(&mutex_);
    }

   private:
    Mutex& mutex_;
  };

  bool take() { return !std::exchange(locked_, true); }
  // The lock passes to the oldest waiter without becoming free in between.
  void unlock() {
    if (detail::Waiter* oldest = first()) {
      grant(*oldest);
    } else {
      locked_ = false;
    }
  }

  bool locked_ = false;
};

/// A stock of permits. A request that does not fit holds back those behind it.
class Semaphore : private detail::WaitList {
 public:
  /// Gives its permits back when destroyed. Must not outlive the semaphore.
  class [[nodiscard]] Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept
        : semaphore_(std::exchange(other.semaphore_, nullptr)), count_(other.count_) {}
    Permit& operator=(Permit&& other) noexcept {
      Permit old(std::move(*this));
      semaphore_ = std::exchange(other.semaphore_, nullptr);
      count_ = other.count_;
      return *this;
    }
    ~Permit() { release(); }

    explicit operator bool() const { return semaphore_ != nullptr; }
    /// Early; harmless when it holds nothing.
    void release() {
      if (Semaphore* semaphore = std::exchange(semaphore_, nullptr)) semaphore->give(count_);
    }

   private:
    friend class Semaphore;
    Permit(Semaphore* semaphore, size_t count) : semaphore_(semaphore), count_(count) {}
    Semaphore* semaphore_ = nullptr;
    size_t count_ = 0;
  };

  explicit Semaphore(size_t permits) : total_(permits), available_(permits) {}

  /// co_await gives Result<Permit>. `count` is at most the permits there are in all.
  auto acquire(size_t count = 1) {
    assert(count <= total_);
    return AcquireAwaiter(*this, count);
  }
  [[nodiscard]] size_t available() const { return available_; }

 private:
  class AcquireAwaiter : private detail::Waiter {
   public:
    AcquireAwaiter(Semaphore& semaphore, size_t count)
        : Waiter(semaphore), semaphore_(semaphore), count_(count) {}
    bool await_ready() {
      if (!semaphore_.empty() || semaphore_.available_ < count_) return false;
      semaphore_.available_ -= count_;
      set_granted();
      return true;
    }
    template <std::derived_from<PromiseBase> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return wait(self.promise());
    }
    Result<Permit> await_resume() {
      if (!granted()) return cancelled();
      return Permit(&semaphore_, count_);
    }

   private:
    friend class Semaphore;
    Semaphore& semaphore_;
    size_t count_;
  };

  void on_leave() override { give(0); }
  void give(size_t count);

  size_t total_;
  size_t available_;
};

/// Tasks wait until somebody notifies them; a notification nobody waits for is lost.
class WaitQueue : private detail::WaitList {
 public:
  /// co_await gives Result<void>. Always suspends.
  auto wait() { return WaitAwaiter(*this); }
  void notify_one() {
    if (detail::Waiter* oldest = first()) grant(*oldest);
  }
  /// Those that wait now; who waits again is not notified again.
  void notify_all() {
    while (detail::Waiter* oldest = first()) grant(*oldest);
  }
  [[nodiscard]] bool has_waiters() const { return !empty(); }

 private:
  class WaitAwaiter : private detail::Waiter {
   public:
    explicit WaitAwaiter(WaitQueue& queue) : Waiter(queue) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <std::derived_from<PromiseBase> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return wait(self.promise());
    }
    Result<void> await_resume() {
      if (!granted()) return cancelled();
      return {};
    }
  };
};

/// A flag to wait for. Stays set until reset().
class Event : private detail::WaitList {
 public:
  /// co_await gives Result<void>; does not suspend while the event is set.
  auto wait() { return EventAwaiter(*this); }
  void set() {
    set_ = true;
    while (detail::Waiter* oldest = first()) grant(*oldest);
  }
  void reset() { set_ = false; }
  [[nodiscard]] bool is_set() const { return set_; }

 private:
  class EventAwaiter : private detail::Waiter {
   public:
    explicit EventAwaiter(Event& event) : Waiter(event), event_(event) {}
    bool await_ready() {
      if (event_.set_) set_granted();
      return event_.set_;
    }
    template <std::derived_from<PromiseBase> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      return wait(self.promise());
    }
    Result<void> await_resume() {
      if (!granted()) return cancelled();
      return {};
    }

   private:
    Event& event_;
  };

  bool set_ = false;
};

}  // namespace oxbow::async
