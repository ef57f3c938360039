// What tasks and locks know of the loop: which coroutine runs next. Control passes
// from one coroutine to another through run_chain(), never by a call from inside the
// first, so the stack stays flat however deep tasks nest, at any optimisation level.
#pragma once

#include <coroutine>

#include "async/cancel.h"

namespace oxbow::async {

class Scheduler;

/// Who keeps a root task; known to the scheduler's implementation only.
struct RootOwner {};

/// The part of a task's promise that does not depend on its value type.
class PromiseBase {
 public:
  PromiseBase() = default;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  [[nodiscard]] Scheduler& scheduler() const { return *scheduler_; }
  /// Null: nobody can cancel this task.
  [[nodiscard]] CancelToken* cancel_token() const { return token_; }
  [[nodiscard]] bool cancelled() const { return token_ != nullptr && token_->cancelled(); }
  [[nodiscard]] bool done() const { return handle_.done(); }

  /// Fixes the token; the awaiting task's one is then not inherited.
  void set_cancel_token(CancelToken* token) {
    token_ = token;
    own_token_ = true;
  }

  /// Awaited by `parent`: runs next, on the parent's loop.
  void start_for(PromiseBase& parent);
  /// Becomes a task that no other awaits; the scheduler hears of its end.
  void become_root(Scheduler& scheduler, RootOwner* owner = nullptr) {
    scheduler_ = &scheduler;
    owner_ = owner;
  }
  [[nodiscard]] RootOwner* root_owner() const { return owner_; }
  /// Takes over `token` unless set_cancel_token() fixed one.
  void inherit_cancel_token(CancelToken* token) {
    if (!own_token_) token_ = token;
  }

 protected:
  ~PromiseBase() = default;
  void finish() noexcept;
  std::coroutine_handle<> handle_;

 private:
  friend class Scheduler;
  PromiseBase* continuation_ = nullptr;
  Scheduler* scheduler_ = nullptr;
  CancelToken* token_ = nullptr;
  RootOwner* owner_ = nullptr;
  PromiseBase* next_ = nullptr;  // in a list of the scheduler: ready or finished
  bool own_token_ = false;
};

class Scheduler {
 public:
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Queues a suspended coroutine to be resumed by the loop, in order of calls.
  void make_ready(PromiseBase& promise) { ready_.push(promise); }
  /// Called by a coroutine as it suspends: `promise` is resumed next.
  void transfer(PromiseBase& promise) { running_ = &promise; }
  /// Called by a root task as it ends.
  void finished(PromiseBase& promise) { finished_.push(promise); }

 protected:
  class List {
   public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    void push(PromiseBase& promise) {
      promise.next_ = nullptr;
      (last_ != nullptr ? last_->next_ : first_) = &promise;
      last_ = &promise;
    }
    PromiseBase& pop() {
      PromiseBase& promise = *first_;
      first_ = promise.next_;
      if (first_ == nullptr) last_ = nullptr;
      return promise;
    }
    List take() {
      List all = *this;
      *this = {};
      return all;
    }

   private:
    PromiseBase* first_ = nullptr;
    PromiseBase* last_ = nullptr;
  };

  Scheduler() = default;
  ~Scheduler() = default;

  /// Resumes `promise` and whatever it passes control to, until one waits or ends.
  void run_chain(PromiseBase& promise) {
    running_ = &promise;
    while (PromiseBase* next = running_) {
      running_ = nullptr;
      next->handle_.resume();
    }
  }

  List ready_;
  List finished_;

 private:
  PromiseBase* running_ = nullptr;
};

inline void PromiseBase::start_for(PromiseBase& parent) {
  continuation_ = &parent;
  scheduler_ = parent.scheduler_;
  inherit_cancel_token(parent.token_);
  scheduler_->transfer(*this);
}

inline void PromiseBase::finish() noexcept {
  if (continuation_ != nullptr) {
    scheduler_->transfer(*continuation_);
  } else {
    scheduler_->finished(*this);
  }
}

}  // namespace oxbow::async
