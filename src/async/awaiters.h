// What Loop's functions return to be awaited. They live in the awaiting frame, hold the
// request there, and cost neither a coroutine frame nor an allocation.
#pragma once

#include <concepts>
#include <coroutine>
#include <functional>
#include <optional>
#include <type_traits>

#include "async/backend.h"
#include "async/task.h"
#include "async/timer_heap.h"
#include "async/worker_pool.h"

namespace oxbow::async {

class Loop;

/// Whether a small read or write may be done by a system call on the loop's thread:
/// the cheapest way to what the page cache holds, a stall where it does not.
enum class Inline : bool { no, yes };

/// Larger requests go to the back end even with Inline::yes. Bytes.
inline constexpr uint64_t inline_limit = 64 * 1024;

namespace detail {

/// One operation of the back end, awaited.
class IoAwaiter : private CancelListener {
 public:
  IoAwaiter(Loop& loop, const Operation& operation, Inline how = Inline::no)
      : loop_(loop), operation_(operation), how_(how) {}
  ~IoAwaiter();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return begin(waiter.promise());
  }

 protected:
  /// The operation's result where it is not an error.
  Result<int64_t> finish();

 private:
  bool begin(PromiseBase& waiter);
  [[nodiscard]] bool small() const;
  void on_cancel() override;

  Loop& loop_;
  Operation operation_;
  Inline how_;
};

class BytesAwaiter : public IoAwaiter {
 public:
  using IoAwaiter::IoAwaiter;
  Result<size_t> await_resume() { return finish(); }
};

class DoneAwaiter : public IoAwaiter {
 public:
  using IoAwaiter::IoAwaiter;
  Result<void> await_resume() {
    TRY(finish());
    return {};
  }
};

class PollAwaiter : public IoAwaiter {
 public:
  using IoAwaiter::IoAwaiter;
  Result<short> await_resume() { return finish(); }
};

class SleepAwaiter : private TimerNode, private CancelListener {
 public:
  SleepAwaiter(Loop& loop, Clock::duration duration);
  ~SleepAwaiter();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    return begin(self.promise());
  }
  Result<void> await_resume();

 private:
  bool begin(PromiseBase& self);
  void on_cancel() override;

  Loop& loop_;
  bool cancelled_ = false;
};

class YieldAwaiter {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> Promise>
  void await_suspend(std::coroutine_handle<Promise> self) {
    self_ = &self.promise();
    self_->scheduler().make_ready(*self_);
  }
  Result<void> await_resume() const;

 private:
  PromiseBase* self_ = nullptr;
};

/// The part of an offload that does not depend on the callable.
class OffloadBase : protected WorkItem, private CancelListener {
 protected:
  explicit OffloadBase(Loop& loop) : loop_(loop) {}
  ~OffloadBase() = default;

  enum class State : uint8_t { working, cancelled, no_thread };

  bool begin(PromiseBase& waiter);
  /// By the pool's thread, last: the awaiter may be gone when it returns.
  void hand_back();
  /// The state in which the loop resumed the waiter.
  State end();

 private:
  void on_cancel() override;

  Loop& loop_;
  PromiseBase* waiter_ = nullptr;
  State state_ = State::working;
};

Error error_of_offload(bool cancelled);

template <class R>
struct ResultOf {
  using Type = Result<R>;
};
template <class T>
struct ResultOf<Result<T>> {
  using Type = Result<T>;
};

/// F is an lvalue reference for a callable that lives in the awaiting frame.
template <class F>
class OffloadAwaiter final : private OffloadBase {
 public:
  using Returned = std::invoke_result_t<F&>;
  using Outcome = typename ResultOf<Returned>::Type;

  OffloadAwaiter(Loop& loop, F&& callable)
      : OffloadBase(loop), callable_(std::forward<F>(callable)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return begin(waiter.promise());
  }
  Outcome await_resume() {
    const State state = end();
    if (state == State::working) return *std::move(outcome_);
    return std::unexpected(error_of_offload(state == State::cancelled));
  }

 private:
  void run() override {
    try {
      if constexpr (std::is_void_v<Returned>) {
        std::invoke(callable_);
        outcome_.emplace();
      } else {
        outcome_.emplace(std::invoke(callable_));
      }
    } catch (...) {
      outcome_.emplace(std::unexpected(error_of_current_exception()));
    }
    hand_back();
  }

  F callable_;
  std::optional<Outcome> outcome_;
};

}  // namespace detail
}  // namespace oxbow::async
