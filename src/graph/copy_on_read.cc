// Copy on read: before a range is read, what the backing node decides in it is stored in
// this layer, a cluster at a time and under the range's lock.
#include <algorithm>

#include "graph/node.h"

namespace oxbow::graph {

using format::RunKind;

Task<> Node::populate(uint64_t offset, uint64_t length) {
  const uint64_t cluster = format_->geometry().cluster_size;
  if (cluster == 0) co_return {};
  const uint64_t end = std::min(align_up(offset + length, cluster), virtual_size());
  for (uint64_t at = align_down(offset, cluster); at < end;) {
    CO_TRY_ASSIGN(const format::Run run, co_await format_->map(at, end - at));
    uint64_t next = at + run.length;
    if (run.kind == RunKind::hole) {
      next = std::min(align_up(next, cluster), end);
      for (uint64_t begin = at; begin < next; begin += cluster) {
        const uint64_t unit_end = std::min(align_down(begin, cluster) + cluster, end);
        CO_TRY(co_await populate_hole(align_down(begin, cluster), unit_end));
      }
    }
    at = next;
  }
  co_return {};
}

// One cluster, of which at least a part is a hole. What others have written to it since is
// seen under the plan: it is read like any contents around a write.
Task<> Node::populate_hole(uint64_t begin, uint64_t end) {
  CO_TRY_ASSIGN(const bool zeroes, co_await populate_zeroes(begin, end));
  if (zeroes) co_return {};
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(end - begin));
  while (begin < end) {
    CO_TRY_ASSIGN(format::WritePlan plan, co_await format_->prepare_write(begin, end - begin));
    begin += plan.length;
    const auto part = bytes.span().first(plan.length);
    const iovec from = io_slice(part);
    Result<void> copied;
    if (!plan.in_place) {
      copied = co_await read_clipped(plan.guest_offset, part);
      if (copied) copied = co_await write_planned(plan, IoSpan(&from, 1));
    }
    if (!copied || plan.in_place) {
      CO_TRY(co_await format_->abort_write(plan));
      if (!copied) co_return copied;
    } else {
      CO_TRY(co_await format_->commit_write(plan));
    }
  }
  co_return {};
}

// Zeroes from below are kept without data where the format can say so.
Task<bool> Node::populate_zeroes(uint64_t begin, uint64_t end) {
  async::RangeLock::Guard guard;
  if (async::RangeLock* locks = format_->guest_locks()) {
    const uint64_t cluster = format_->geometry().cluster_size;
    CO_TRY_ASSIGN(guard, co_await locks->lock(begin, align_up(end, cluster) - begin, true));
  }
  CO_TRY_ASSIGN(const bool zeroes, co_await reads_zero(begin, end));
  if (!zeroes) co_return false;
  const format::ZeroFlags flags{false, true, static_cast<bool>(guard)};
  CO_TRY_ASSIGN(const uint64_t covered, co_await format_->zero_units(begin, end - begin, flags));
  co_return covered >= end - begin;
}

}  // namespace oxbow::graph
