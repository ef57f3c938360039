// Locks on ranges of offsets, for the tasks of one loop. Overlapping ranges exclude each
// other unless both are shared; who came first is served first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "async/wait_list.h"

namespace oxbow::async {

/// `CO_TRY_ASSIGN(auto guard, co_await ranges.lock(offset, length, true));`
class RangeLock : private detail::WaitList {
 public:
  /// Unlocks when destroyed. Must not outlive the lock.
  class [[nodiscard]] Guard {
   public:
    Guard() = default;
    Guard(Guard&& other) noexcept
        : lock_(std::exchange(other.lock_, nullptr)), slot_(other.slot_) {}
    Guard& operator=(Guard&& other) noexcept {
      Guard old(std::move(*this));
      lock_ = std::exchange(other.lock_, nullptr);
      slot_ = other.slot_;
      return *this;
    }
    ~Guard() { unlock(); }

    explicit operator bool() const { return lock_ != nullptr; }
    /// Early; harmless when it holds nothing.
    void unlock() {
      if (RangeLock* lock = std::exchange(lock_, nullptr)) lock->release(slot_);
    }

   private:
    friend class RangeLock;
    Guard(RangeLock* lock, size_t slot) : lock_(lock), slot_(slot) {}
    RangeLock* lock_ = nullptr;
    size_t slot_ = 0;
  };

  RangeLock() = default;
  ~RangeLock();

  /// co_await gives Result<Guard>. Bytes; a range of length 0 excludes nobody, one that
  /// passes the end of the offsets ends there.
  auto lock(uint64_t offset, uint64_t length, bool exclusive) {
    return LockAwaiter(*this, Range(offset, length, exclusive));
  }
  /// Nobody holds or waits for anything.
  [[nodiscard]] bool idle() const { return held_count_ == 0 && empty(); }

 private:
  struct Range {
    Range() = default;  // overlaps nothing: a free slot
    Range(uint64_t offset, uint64_t length, bool is_exclusive)
        : begin(offset),
          end(length > UINT64_MAX - offset ? UINT64_MAX : offset + length),
          exclusive(is_exclusive) {}
    [[nodiscard]] bool conflicts_with(const Range& other) const {
      return begin < other.end && other.begin < end && (exclusive || other.exclusive);
    }

    uint64_t begin = UINT64_MAX;
    uint64_t end = 0;
    bool exclusive = false;
    bool used = false;
  };

  class LockAwaiter : private detail::Waiter {
   public:
    LockAwaiter(RangeLock& lock, const Range& range) : Waiter(lock), lock_(lock), range_(range) {}
    bool await_ready() {
      if (!lock_.grantable(range_, nullptr)) return false;
      slot_ = lock_.take(range_);
      set_granted();
      return true;
    }
    template <std::derived_from<PromiseBase> Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      lock_.reserve_for_waiter();
      return wait(self.promise());
    }
    Result<Guard> await_resume() {
      if (!granted()) return cancelled();
      return Guard(&lock_, slot_);
    }

   private:
    friend class RangeLock;
    RangeLock& lock_;
    Range range_;
    size_t slot_ = 0;
  };

  // Whether `range` conflicts neither with what is held nor with those that wait before
  // `before` (null: with all that wait).
  [[nodiscard]] bool grantable(const Range& range, const detail::Waiter* before) const;
  size_t take(const Range& range);
  void release(size_t slot);
  void reserve_for_waiter();
  void grant_waiters();
  void on_leave() override { grant_waiters(); }

  std::vector<Range> held_;  // slots; guards know theirs
  size_t held_count_ = 0;
};

}  // namespace oxbow::async
