// Joining and leaving a list of waiters.
#include "async/wait_list.h"

#include <cassert>
#include <cerrno>

namespace oxbow::async::detail {

std::unexpected<Error> Waiter::cancelled() {
  return fail(ErrorKind::cancelled, "wait cancelled", ECANCELED);
}

Waiter::~Waiter() {
  if (state_ != State::waiting) return;
  list_.remove(*this);
  list_.on_leave();
}

bool Waiter::wait(PromiseBase& promise) {
  if (promise.cancelled()) {
    state_ = State::cancelled;
    return false;
  }
  promise_ = &promise;
  state_ = State::waiting;
  list_.push(*this);
  listen(promise.cancel_token());
  return true;
}

void Waiter::on_cancel() {
  list_.remove(*this);
  state_ = State::cancelled;
  promise_->scheduler().make_ready(*promise_);
  list_.on_leave();
}

WaitList::~WaitList() { assert(empty() && "a lock is destroyed while tasks wait for it"); }

void WaitList::grant(Waiter& waiter) {
  remove(waiter);
  waiter.stop_listening();
  waiter.state_ = Waiter::State::granted;
  waiter.promise_->scheduler().make_ready(*waiter.promise_);
}

void WaitList::push(Waiter& waiter) {
  waiter.next_ = nullptr;
  waiter.previous_ = last_;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
}

void WaitList::remove(Waiter& waiter) {
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
}

}  // namespace oxbow::async::detail
