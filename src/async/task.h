// Task<T>: a lazy coroutine that ends in a Result<T>. Tasks nest: awaiting one starts
// it, and its result is the value of the co_await. See docs/async-rules.md.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "async/frame_pool.h"
#include "async/scheduler.h"
#include "base/result.h"

namespace oxbow::async {

template <class T>
class Task;

/// The exception in flight as an error: out_of_memory for bad_alloc, internal else.
Error error_of_current_exception() noexcept;

namespace detail {

Error no_memory_for_frame();

template <class T>
class Promise final : public PromiseBase {
 public:
  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      self.promise().finish();
    }
    void await_resume() const noexcept {}
  };

  Task<T> get_return_object() noexcept;
  static Task<T> get_return_object_on_allocation_failure() noexcept;
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void return_value(Result<T> result) { result_.emplace(std::move(result)); }
  void unhandled_exception() noexcept {
    result_.emplace(std::unexpected(error_of_current_exception()));
  }

  Result<T> take_result() { return *std::move(result_); }

  static void* operator new(std::size_t size) noexcept { return frame_pool::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    frame_pool::release(frame, size);
  }

 private:
  std::optional<Result<T>> result_;
};

}  // namespace detail

/// Owns its coroutine frame: destroying a task that never started, or has ended, frees
/// it. A started task is awaited to its end, by another task or by a loop.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;
  using Handle = std::coroutine_handle<promise_type>;

  Task() noexcept = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task old(std::exchange(handle_, std::exchange(other.handle_, nullptr)));
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// False for a default-constructed or moved-from task, and where there was no memory
  /// for the frame; awaiting such a task yields out_of_memory.
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(handle_); }
  [[nodiscard]] promise_type& promise() const { return handle_.promise(); }

  /// The task listens to `token` instead of its parent's token.
  Task cancelled_by(CancelToken& token) && {
    if (handle_) handle_.promise().set_cancel_token(&token);
    return std::move(*this);
  }
  /// Nobody can cancel the task: for cleaning up after a cancellation.
  Task shielded() && {
    if (handle_) handle_.promise().set_cancel_token(nullptr);
    return std::move(*this);
  }

  /// Of an ended task; once.
  Result<T> take_result() {
    if (!handle_) return std::unexpected(detail::no_memory_for_frame());
    return handle_.promise().take_result();
  }

  /// `co_await std::move(task)` runs the task to its end and yields its Result<T>.
  auto operator co_await() && noexcept { return Awaiter{handle_}; }

 private:
  friend promise_type;
  explicit Task(Handle handle) noexcept : handle_(handle) {}

  // The task itself keeps the frame: it is a temporary or a local of the awaiting frame.
  struct Awaiter {
    Handle child;

    [[nodiscard]] bool await_ready() const noexcept { return !child; }
    template <std::derived_from<PromiseBase> Parent>
    void await_suspend(std::coroutine_handle<Parent> parent) const noexcept {
      child.promise().start_for(parent.promise());
    }
    Result<T> await_resume() const {
      if (!child) return std::unexpected(detail::no_memory_for_frame());
      return child.promise().take_result();
    }
  };

  Handle handle_ = nullptr;
};

/// `PromiseBase& self = co_await current_promise();` the promise of the awaiting task.
struct current_promise {
  PromiseBase* promise = nullptr;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> Self>
  bool await_suspend(std::coroutine_handle<Self> self) noexcept {
    promise = &self.promise();
    return false;
  }
  [[nodiscard]] PromiseBase& await_resume() const noexcept { return *promise; }
};

/// `CancelToken* token = co_await current_cancel_token();` null where nobody can cancel.
struct current_cancel_token : current_promise {
  [[nodiscard]] CancelToken* await_resume() const noexcept { return promise->cancel_token(); }
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  const auto handle = std::coroutine_handle<Promise>::from_promise(*this);
  handle_ = handle;
  return Task<T>(handle);
}

template <class T>
Task<T> Promise<T>::get_return_object_on_allocation_failure() noexcept {
  return Task<T>();
}

}  // namespace detail
}  // namespace oxbow::async
