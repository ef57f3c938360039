// What all locks are made of: a first-in-first-out list of waiting coroutines whose
// nodes are the awaiters themselves, so that waiting allocates nothing.
#pragma once

#include <concepts>
#include <coroutine>

#include "async/scheduler.h"
#include "base/result.h"

namespace oxbow::async::detail {

class WaitList;

/// Base of awaiters that wait to be granted something.
class Waiter : private CancelListener {
 public:
  /// What the awaiter's await_resume returns when the wait was cut short.
  static std::unexpected<Error> cancelled();
  [[nodiscard]] Waiter* next() const { return next_; }

 protected:
  explicit Waiter(WaitList& list) : list_(list) {}
  ~Waiter();

  /// Joins the list; false, and nothing done, if the task is already cancelled.
  bool wait(PromiseBase& promise);
  [[nodiscard]] bool granted() const { return state_ == State::granted; }
  void set_granted() { state_ = State::granted; }

 private:
  friend class WaitList;
  enum class State : unsigned char { idle, waiting, granted, cancelled };
  void on_cancel() override;

  WaitList& list_;
  PromiseBase* promise_ = nullptr;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  State state_ = State::idle;
};

/// The waiters of one lock, oldest first. Must be empty when it is destroyed.
class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Waiter* first() const { return first_; }
  /// Takes the waiter out; the loop resumes it.
  void grant(Waiter& waiter);

 protected:
  ~WaitList();

 private:
  friend class Waiter;
  /// A waiter gave up: those behind it may have become grantable.
  virtual void on_leave() {}
  void push(Waiter& waiter);
  void remove(Waiter& waiter);

  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace oxbow::async::detail
