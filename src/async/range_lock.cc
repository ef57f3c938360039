// Held ranges are a short array that is scanned: requests in flight are tens, and an
// array of them fits the cache better than any tree.
#include "async/range_lock.h"

#include <algorithm>
#include <cassert>

namespace oxbow::async {

RangeLock::~RangeLock() { assert(held_count_ == 0 && "a range lock is destroyed while held"); }

bool RangeLock::grantable(const Range& range, const detail::Waiter* before) const {
  for (const Range& held : held_) {
    if (held.conflicts_with(range)) return false;
  }
  for (const detail::Waiter* waiter = first(); waiter != before; waiter = waiter->next()) {
    if (static_cast<const LockAwaiter*>(waiter)->range_.conflicts_with(range)) return false;
  }
  return true;
}

size_t RangeLock::take(const Range& range) {
  size_t slot = held_.size();
  if (held_count_ < held_.size()) {
    const auto is_free = [](const Range& held) { return !held.used; };
    slot = static_cast<size_t>(std::ranges::find_if(held_, is_free) - held_.begin());
  } else {
    held_.emplace_back();
  }
  held_[slot] = range;
  held_[slot].used = true;
  ++held_count_;
  return slot;
}

// Granting happens in destructors of guards, where no memory may be asked for.
void RangeLock::reserve_for_waiter() {
  size_t needed = held_count_ + 1;
  for (const detail::Waiter* waiter = first(); waiter != nullptr; waiter = waiter->next()) ++needed;
  if (held_.capacity() < needed) held_.reserve(std::max<size_t>(16, needed * 2));
}

void RangeLock::release(size_t slot) {
  held_[slot] = Range();
  --held_count_;
  while (!held_.empty() && !held_.back().used) held_.pop_back();
  if (!empty()) grant_waiters();
}

void RangeLock::grant_waiters() {
  for (detail::Waiter* waiter = first(); waiter != nullptr;) {
    detail::Waiter* const next = waiter->next();
    auto& request = *static_cast<LockAwaiter*>(waiter);
    if (grantable(request.range_, waiter)) {
      request.slot_ = take(request.range_);
      grant(*waiter);
    }
    waiter = next;
  }
}

}  // namespace oxbow::async
