// Compressed writes: units are packed by the worker pool, several at once, and then get their
// places in guest order. Neighbours in the file go there in one request.
#include <algorithm>
#include <cassert>

#include "async/loop.h"
#include "async/task_group.h"
#include "base/bytes.h"
#include "graph/node.h"

namespace oxbow::graph {
namespace {

// What one thread packs in a go: much more than handing it over costs.
constexpr uint64_t bytes_a_go = 256 << 10;
constexpr size_t gos_at_once = 64;
// Written and linked together.
constexpr size_t units_a_request = 32;
// Packed before any of it is written, at most.
constexpr uint64_t most_packed = 4 << 20;

Task<> pack_units(const format::Format& format, Packed& into, size_t begin, size_t end, int level) {
  auto work = [&format, &into, begin, end, level]() -> Result<void> {
    for (size_t i = begin; i < end; ++i) {
      TRY_ASSIGN(const size_t length, format.compress(into.plain_of(i), into.slot(i), level));
      into.lengths[i] = static_cast<uint32_t>(length);
    }
    return {};
  };
  co_return co_await async::Loop::current_thread().offload(work);
}

std::vector<std::byte> joined(IoSpan from) {
  std::vector<std::byte> bytes;
  bytes.reserve(io_length(from));
  for (const iovec& part : from) {
    const auto* begin = static_cast<const std::byte*>(part.iov_base);
    bytes.insert(bytes.end(), begin, begin + part.iov_len);
  }
  return bytes;
}

// Of a format that compresses.
uint32_t unit_of(const format::Format& format) {
  const uint32_t unit = format.compressed_unit();
  assert(unit != 0);
  return unit;
}

}  // namespace

Result<void> Node::may_compress(uint64_t offset, uint64_t length) const {
  const uint32_t unit = format_->compressed_unit();
  if (unit == 0) {
    return fail(ErrorKind::unsupported,
                "the format '" + format_->name() + "' takes no compressed data here", ENOTSUP);
  }
  const uint64_t end = offset + length;
  if (offset % unit == 0 && (end % unit == 0 || end == virtual_size())) return {};
  return fail(ErrorKind::invalid_argument,
              "compressed data is written in whole clusters of " + std::to_string(unit) + " bytes",
              EINVAL);
}

Task<Packed> Node::pack(uint64_t offset, std::span<const std::byte> bytes) {
  CO_TRY(may_compress(offset, bytes.size()));
  Packed packed;
  packed.offset = offset;
  packed.unit = format_->compressed_unit();
  packed.plain = bytes;
  const size_t units = (bytes.size() + packed.unit - 1) / packed.unit;
  packed.lengths.resize(units);
  CO_TRY_ASSIGN(packed.slots, Buffer::allocate(units * packed.slot_size()));
  const size_t units_a_go = std::max<size_t>(bytes_a_go / packed.unit, 1);
  async::TaskGroup group(gos_at_once);
  Result<void> begun;
  for (size_t i = 0; i < units && begun; i += units_a_go) {
    Task<> work = pack_units(*format_, packed, i, std::min(i + units_a_go, units), level_);
    begun = co_await group.spawn(std::move(work));
  }
  CO_TRY(co_await group.join());
  CO_TRY(begun);
  co_return packed;
}

Task<> Node::write_packed(const Packed& packed, uint64_t& written) {
  written = 0;
  const uint64_t length = packed.plain.size();
  if (must_be_marked(packed.offset, length)) {
    CO_TRY(co_await changes_->mark(packed.offset, length));
  }
  const format::ChangeUnderWay change(tracker(length));
  for (size_t i = 0; i < packed.lengths.size();) {
    if (packed.lengths[i] == 0) {
      const iovec part = io_slice(packed.plain_of(i));
      CO_TRY(co_await write_data(packed.offset + written, IoSpan(&part, 1)));
      written += part.iov_len;
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < packed.lengths.size() && end - i < units_a_request && packed.lengths[end] != 0) {
      ++end;
    }
    CO_TRY(co_await write_units(packed, i, end, written));
    i = end;
  }
  co_return {};
}

// Units [begin, end): those that got a place are written and linked even where one behind them
// got none.
Task<> Node::write_units(const Packed& packed, size_t begin, size_t end, uint64_t& written) {
  std::vector<format::WritePlan> plans;
  Result<void> placed;
  for (size_t i = begin; i < end && placed; ++i) {
    Result<format::WritePlan> plan = co_await format_->prepare_compressed(
        packed.offset + i * packed.unit, packed.plain_of(i).size(), packed.lengths[i]);
    if (plan) {
      plans.push_back(std::move(*plan));
    } else {
      placed = std::unexpected(plan.error());
    }
  }
  size_t done = 0;
  while (done < plans.size()) {
    const Result<size_t> stored = co_await store_neighbours(packed, begin, plans, done);
    if (!stored) {
      for (; done < plans.size(); ++done) (void)co_await format_->abort_write(plans[done]);
      co_return std::unexpected(stored.error());
    }
    for (const size_t stop = done + *stored; done < stop; ++done) {
      const uint64_t length = plans[done].length;
      const Result<void> linked = co_await format_->commit_write(plans[done]);
      if (!linked) {
        for (++done; done < plans.size(); ++done) (void)co_await format_->abort_write(plans[done]);
        co_return linked;
      }
      written += length;
    }
  }
  co_return placed;
}

// Writes the plan `first` and those that follow it directly in the file; gives how many.
Task<size_t> Node::store_neighbours(const Packed& packed, size_t begin,
                                    std::span<const format::WritePlan> plans, size_t first) {
  std::vector<iovec> parts;
  uint64_t next = plans[first].host_offset;
  size_t end = first;
  for (; end < plans.size() && plans[end].host_offset == next; ++end) {
    parts.push_back(io_slice(packed.packed_of(begin + end)));
    next += plans[end].packed;
  }
  CO_TRY(co_await format_->write_compressed(plans[first].host_offset, parts));
  co_return end - first;
}

Task<> Node::write_compressed(uint64_t offset, IoSpan from) {
  CO_TRY(may_compress(offset, io_length(from)));
  std::vector<std::byte> copy;
  if (from.size() > 1) copy = joined(from);
  const std::span<const std::byte> all =
      from.size() > 1 ? copy
                      : std::span(static_cast<const std::byte*>(from[0].iov_base), from[0].iov_len);
  const uint64_t step = most_packed;  // whole units, whatever their size
  for (uint64_t done = 0; done < all.size(); done += step) {
    const auto part = all.subspan(done, std::min(step, all.size() - done));
    CO_TRY_ASSIGN(const Packed packed, co_await pack(offset + done, part));
    uint64_t written = 0;
    CO_TRY(co_await write_packed(packed, written));
  }
  co_return {};
}

Task<async::RangeLock::Guard> Node::hold_units(uint64_t offset, uint64_t length) {
  const uint32_t unit = unit_of(*format_);
  const uint64_t begin = align_down(offset, unit);
  co_return co_await whole_units_.lock(begin, align_up(offset + length, unit) - begin, true);
}

// What holds data already cannot be replaced by compressed data, and is written as usual.
Task<> Node::write_where_compressed(uint64_t offset, IoSpan from) {
  CO_TRY_ASSIGN(const auto units, co_await hold_units(offset, io_length(from)));
  const uint32_t unit = unit_of(*format_);
  const uint64_t end = offset + io_length(from);
  for (uint64_t at = offset; at < end;) {
    const uint64_t stop = std::min(align_down(at, unit) + unit, end);
    const std::vector<iovec> part = io_subvector(from, at - offset, stop - at);
    Result<void> done = co_await write_filled_up(at, part);
    if (!done && done.error().kind() == ErrorKind::exists) done = co_await write_data(at, part);
    CO_TRY(done);
    at = stop;
  }
  co_return {};
}

// A unit or a part of one, which is filled up with what the unit reads as.
Task<> Node::write_filled_up(uint64_t offset, IoSpan from) {
  const uint32_t unit = unit_of(*format_);
  const uint64_t begin = align_down(offset, unit);
  const uint64_t stop = offset + io_length(from);
  const uint64_t end = std::min(begin + unit, virtual_size());
  if (begin == offset && end == stop) co_return co_await write_compressed(offset, from);
  CO_TRY_ASSIGN(const format::Run run, co_await format_->map(begin, end - begin));
  if (run.kind == format::RunKind::data || run.kind == format::RunKind::compressed) {
    co_return fail(ErrorKind::exists, "a compressed unit replaces nothing", EIO);
  }
  CO_TRY_ASSIGN(Buffer around, Buffer::allocate(offset - begin + end - stop));
  const iovec head = io_slice(around.span().first(offset - begin));
  const iovec tail = io_slice(around.span().subspan(offset - begin));
  if (head.iov_len != 0) CO_TRY(co_await read_admitted(begin, IoSpan(&head, 1)));
  if (tail.iov_len != 0) CO_TRY(co_await read_admitted(stop, IoSpan(&tail, 1)));
  std::vector<iovec> whole = {head};
  whole.insert(whole.end(), from.begin(), from.end());
  whole.push_back(tail);
  co_return co_await write_compressed(begin, whole);
}

}  // namespace oxbow::graph
