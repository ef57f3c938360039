// The parts of the awaiters that need the loop.
#include "async/awaiters.h"

#include <cassert>
#include <cerrno>

#include "async/loop.h"

namespace oxbow::async::detail {
namespace {

std::unexpected<Error> cancelled() {
  return fail(ErrorKind::cancelled, "operation cancelled", ECANCELED);
}

}  // namespace

IoAwaiter::~IoAwaiter() {
  assert(!operation_.in_flight && "a task is destroyed while the kernel owns its buffers");
}

bool IoAwaiter::small() const {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < operation_.count; ++i) bytes += operation_.vectors[i].iov_len;
  return bytes <= inline_limit;
}

bool IoAwaiter::begin(PromiseBase& waiter) {
  assert(&waiter.scheduler() == &loop_ && "the I/O of one loop awaited on another");
  operation_.waiter = &waiter;
  if (waiter.cancelled()) {
    operation_.result = -ECANCELED;
    return false;
  }
  if (how_ == Inline::yes && small()) {
    operation_.result = perform(operation_);
    if (loop_.inline_left_-- > 0) return false;
    loop_.inline_left_ = 0;
    loop_.make_ready(waiter);
    return true;
  }
  if (Result<void> made = loop_.ensure_backend(); !made) {
    operation_.result = -made.error().as_errno();
    return false;
  }
  listen(waiter.cancel_token());
  loop_.backend_->submit(operation_);
  return true;
}

void IoAwaiter::on_cancel() {
  if (operation_.in_flight) loop_.backend_->cancel(operation_);
}

// A read that a cancellation interrupted in an io_uring worker ends with EINTR.
Result<int64_t> IoAwaiter::finish() {
  stop_listening();
  const int64_t result = operation_.result;
  if (result >= 0) return result;
  if (result == -ECANCELED || (result == -EINTR && operation_.waiter->cancelled())) {
    return cancelled();
  }
  return std::unexpected(Error::from_errno(static_cast<int>(-result)));
}

SleepAwaiter::SleepAwaiter(Loop& loop, Clock::duration duration) : loop_(loop) {
  due = Clock::now() + duration;
}

SleepAwaiter::~SleepAwaiter() { loop_.timers_.remove(*this); }

bool SleepAwaiter::begin(PromiseBase& self) {
  waiter = &self;
  cancelled_ = self.cancelled();
  if (cancelled_) return false;
  loop_.timers_.insert(*this);
  listen(self.cancel_token());
  return true;
}

void SleepAwaiter::on_cancel() {
  if (position == nowhere) return;
  loop_.timers_.remove(*this);
  cancelled_ = true;
  loop_.make_ready(*waiter);
}

Result<void> SleepAwaiter::await_resume() {
  stop_listening();
  if (cancelled_) return cancelled();
  return {};
}

Result<void> YieldAwaiter::await_resume() const {
  if (self_->cancelled()) return cancelled();
  return {};
}

bool OffloadBase::begin(PromiseBase& waiter) {
  waiter_ = &waiter;
  if (waiter.cancelled()) {
    state_ = State::cancelled;
    return false;
  }
  ++loop_.offloads_;
  if (!WorkerPool::shared().submit(*this)) {
    --loop_.offloads_;
    state_ = State::no_thread;
    return false;
  }
  listen(waiter.cancel_token());
  return true;
}

void OffloadBase::hand_back() { loop_.deliver(*waiter_); }

void OffloadBase::on_cancel() {
  if (!WorkerPool::shared().withdraw(*this)) return;
  --loop_.offloads_;
  state_ = State::cancelled;
  loop_.make_ready(*waiter_);
}

OffloadBase::State OffloadBase::end() {
  stop_listening();
  return state_;
}

Error error_of_offload(bool was_cancelled) {
  if (was_cancelled) return cancelled().error();
  return Error::from_errno(EAGAIN, "cannot start a worker thread");
}

}  // namespace oxbow::async::detail
