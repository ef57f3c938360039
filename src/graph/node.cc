#include "graph/node.h"

#include <algorithm>
#include <cstring>

#include "graph/throttle.h"

namespace oxbow::graph {

using format::Run;
using format::RunKind;

namespace {

// The whole of `vector` where the part is all of it: the common case copies no list.
class Part {
 public:
  Part(IoSpan vector, uint64_t total, uint64_t offset, uint64_t length) : view_(vector) {
    if (offset == 0 && length == total) return;
    copy_ = io_subvector(vector, offset, length);
    view_ = copy_;
  }
  [[nodiscard]] IoSpan span() const { return view_; }

 private:
  std::vector<iovec> copy_;
  IoSpan view_;
};

bool all_zero(IoSpan vector) {
  return std::ranges::all_of(vector, [](const iovec& part) {
    const auto* bytes = static_cast<const char*>(part.iov_base);
    return part.iov_len == 0 ||
           (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, part.iov_len - 1) == 0);
  });
}

}  // namespace

Node::Node(std::unique_ptr<format::Format> format, std::shared_ptr<Node> backing)
    : format_(std::move(format)), backing_(std::move(backing)), changes_(format_->changes()) {}

Task<> Node::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  if (length == 0) co_return {};
  if (!throttles_.empty()) CO_TRY(co_await admit(false, length));
  if (copy_on_read_) CO_TRY(co_await populate(offset, length));
  co_return co_await read_admitted(offset, into);
}

Task<> Node::read_admitted(uint64_t offset, IoSpan into) {
  async::RangeLock::Guard guard;
  if (async::RangeLock* locks = format_->guest_locks()) {
    CO_TRY_ASSIGN(guard, co_await locks->lock(offset, io_length(into), false));
  }
  co_return co_await read_unlocked(offset, into);
}

Task<> Node::admit(bool is_write, uint64_t length) {
  for (const auto& group : throttles_) CO_TRY(co_await group->state().admit(is_write, length));
  co_return {};
}

Task<> Node::read_unlocked(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    CO_TRY_ASSIGN(const Run run, co_await format_->map_for_read(offset + done, length - done));
    const Part part(into, length, done, run.length);
    CO_TRY(co_await read_run(run, offset + done, part.span()));
    done += run.length;
  }
  co_return {};
}

Task<> Node::read_run(const Run& run, uint64_t offset, IoSpan into) {
  switch (run.kind) {
    case RunKind::data: return format_->read_host({run.host_offset, offset}, into);
    case RunKind::compressed: return format_->read_compressed(offset, into);
    case RunKind::hole:
      if (backing_) return read_backing(offset, into);
      break;
    case RunKind::zero: break;
  }
  return read_zeroes(into);
}

Task<> Node::read_zeroes(IoSpan into) {
  io_fill_zero(into);
  co_return {};
}

// A backing file may be shorter than what stands on it.
Task<> Node::read_backing(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  const uint64_t below = backing_->virtual_size();
  const uint64_t inside = offset < below ? std::min(length, below - offset) : 0;
  if (inside != 0) {
    const Part part(into, length, 0, inside);
    CO_TRY(co_await backing_->read(offset, part.span()));
  }
  if (inside < length) io_fill_zero(io_subvector(into, inside, length - inside));
  co_return {};
}

Task<> Node::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  if (!throttles_.empty()) CO_TRY(co_await admit(true, io_length(from)));
  if (detect_zeroes_ != DetectZeroes::off && all_zero(from)) {
    ZeroFlags zero_flags;
    zero_flags.may_unmap = detect_zeroes_ == DetectZeroes::unmap;
    CO_TRY(co_await zero(offset, io_length(from), zero_flags));
  } else {
    const uint64_t length = io_length(from);
    if (must_be_marked(offset, length)) CO_TRY(co_await changes_->mark(offset, length));
    const format::ChangeUnderWay change(tracker(length));
    if (compresses()) {
      CO_TRY(co_await write_where_compressed(offset, from));
    } else {
      CO_TRY(co_await write_data(offset, from));
    }
  }
  if (flags.fua) co_return co_await flush();
  co_return {};
}

Task<> Node::write_data(uint64_t offset, IoSpan from) {
  const uint64_t length = io_length(from);
  for (uint64_t done = 0; done < length;) {
    CO_TRY_ASSIGN(format::WritePlan plan,
                  co_await format_->prepare_write(offset + done, length - done));
    const uint64_t step = plan.length;
    const Part part(from, length, done, step);
    const Result<void> written = co_await write_planned(plan, part.span());
    if (!written) {
      (void)co_await format_->abort_write(plan);
      co_return written;
    }
    CO_TRY(co_await format_->commit_write(plan));
    done += step;
  }
  co_return {};
}

Task<> Node::write_planned(const format::WritePlan& plan, IoSpan from) {
  const bool alone = plan.surroundings_zero || (plan.head == 0 && plan.tail == 0);
  if (alone) return format_->write_host({plan.host_offset, plan.guest_offset}, from);
  return write_with_surroundings(plan, from);
}

// Head, data and tail in one request. The plan holds the guest range, so what is read
// around the data cannot change before it is written.
Task<> Node::write_with_surroundings(const format::WritePlan& plan, IoSpan from) {
  CO_TRY_ASSIGN(Buffer around, Buffer::allocate(plan.head + plan.tail));
  const auto head = around.span().first(plan.head);
  const auto tail = around.span().subspan(plan.head);
  if (plan.guest_offset >= virtual_size()) {
    const iovec before = io_slice(head);
    const iovec after = io_slice(tail);
    CO_TRY(co_await read_own(plan.guest_offset - plan.head, IoSpan(&before, 1)));
    CO_TRY(co_await read_own(plan.guest_offset + plan.length, IoSpan(&after, 1)));
  } else {
    CO_TRY(co_await read_clipped(plan.guest_offset - plan.head, head));
    CO_TRY(co_await read_clipped(plan.guest_offset + plan.length, tail));
  }
  std::vector<iovec> merged;
  merged.reserve(from.size() + 2);
  if (!head.empty()) merged.push_back(io_slice(head));
  merged.insert(merged.end(), from.begin(), from.end());
  if (!tail.empty()) merged.push_back(io_slice(tail));
  const format::Place start{plan.host_offset - plan.head, plan.guest_offset - plan.head};
  co_return co_await format_->write_host(start, merged);
}

// Guest bytes under an exclusive plan; zeroes past the disk's end.
Task<> Node::read_clipped(uint64_t offset, std::span<std::byte> into) {
  const uint64_t size = virtual_size();
  const uint64_t inside = offset < size ? std::min<uint64_t>(into.size(), size - offset) : 0;
  std::ranges::fill(into.subspan(inside), std::byte{0});
  if (inside == 0) co_return {};
  const iovec part = io_slice(into.first(inside));
  co_return co_await read_unlocked(offset, IoSpan(&part, 1));
}

Task<> Node::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  if (!throttles_.empty()) CO_TRY(co_await admit(true, length));
  co_return co_await zero(offset, length, flags);
}

Task<> Node::zero(uint64_t offset, uint64_t length, ZeroFlags flags) {
  async::RangeLock::Guard units;
  if (compresses()) {
    CO_TRY_ASSIGN(units, co_await hold_units(offset, length));
  }
  if (must_be_marked(offset, length)) CO_TRY(co_await changes_->mark(offset, length));
  const format::ChangeUnderWay change(tracker(length));
  CO_TRY(co_await zero_unmarked(offset, length, flags));
  if (flags.fua) co_return co_await flush();
  co_return {};
}

Task<> Node::zero_unmarked(uint64_t offset, uint64_t length, ZeroFlags flags) {
  const uint64_t end = offset + length;
  while (offset < end) {
    CO_TRY_ASSIGN(const uint64_t covered,
                  co_await format_->zero_units(offset, end - offset,
                                               {flags.may_unmap, flags.no_fallback, false}));
    if (covered != 0) {
      offset += covered;
      continue;
    }
    CO_TRY_ASSIGN(const uint64_t stepped, co_await zero_by_bytes(offset, end - offset, flags));
    offset += stepped;
  }
  co_return {};
}

// Up to the next unit boundary: the unit's rest already reads as zeroes, and it becomes a
// zero unit whole; or zero bytes are written.
Task<uint64_t> Node::zero_by_bytes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  const uint64_t unit = std::max<uint64_t>(format_->geometry().subcluster_size, 1);
  const uint64_t begin = align_down(offset, unit);
  const uint64_t end = std::min(begin + unit, virtual_size());
  const uint64_t step = unit == 1 ? length : std::min(length, end - offset);
  if (unit != 1) {
    CO_TRY_ASSIGN(const bool done, co_await zero_whole_unit(begin, end, offset, step, flags));
    if (done) co_return step;
  }
  if (flags.no_fallback) {
    co_return fail(ErrorKind::unsupported, "zeroes would have to be written", ENOTSUP);
  }
  CO_TRY(co_await write_zero_bytes(offset, step));
  co_return step;
}

// If the rest of the unit [begin, end) reads as zeroes, all of it may become a zero unit.
// Held exclusively from the look to the change: nobody writes to the rest in between.
Task<bool> Node::zero_whole_unit(uint64_t begin, uint64_t end, uint64_t offset, uint64_t length,
                                 ZeroFlags flags) {
  async::RangeLock::Guard guard;
  if (async::RangeLock* locks = format_->guest_locks()) {
    const uint64_t cluster = format_->geometry().cluster_size;
    const uint64_t first = align_down(begin, cluster);
    CO_TRY_ASSIGN(guard, co_await locks->lock(first, align_up(end, cluster) - first, true));
  }
  CO_TRY_ASSIGN(const bool before, co_await reads_zero(begin, offset));
  CO_TRY_ASSIGN(const bool after, co_await reads_zero(offset + length, end));
  if (!before || !after) co_return false;
  format::ZeroFlags held{flags.may_unmap, flags.no_fallback, static_cast<bool>(guard)};
  CO_TRY_ASSIGN(const uint64_t covered, co_await format_->zero_units(begin, end - begin, held));
  co_return covered >= end - begin;
}

Task<> Node::write_zero_bytes(uint64_t offset, uint64_t length) {
  constexpr uint64_t chunk = 1 << 20;
  CO_TRY_ASSIGN(const Buffer zeroes, Buffer::allocate_zeroed(std::min(length, chunk)));
  for (const uint64_t end = offset + length; offset < end;) {
    const uint64_t now = std::min<uint64_t>(end - offset, zeroes.size());
    const iovec part = io_slice(zeroes.span().first(now));
    CO_TRY(co_await write_data(offset, IoSpan(&part, 1)));
    offset += now;
  }
  co_return {};
}

// Of this layer's own data by metadata alone: it is in use, not preallocated.
Task<bool> Node::reads_zero(uint64_t begin, uint64_t end) {
  while (begin < end) {
    CO_TRY_ASSIGN(NodeStatus found, co_await status_in_chain(begin, end - begin));
    if (found.depth != 0) CO_TRY(co_await look_into_file(found));
    if (!found.zero) co_return false;
    begin += found.length;
  }
  co_return true;
}

Task<> Node::discard(uint64_t offset, uint64_t length) {
  if (!throttles_.empty()) CO_TRY(co_await admit(true, length));
  async::RangeLock::Guard units;
  if (compresses()) {
    CO_TRY_ASSIGN(units, co_await hold_units(offset, length));
  }
  if (must_be_marked(offset, length)) CO_TRY(co_await changes_->mark(offset, length));
  const format::ChangeUnderWay change(tracker(length));
  co_return co_await format_->discard(offset, length);
}

Task<> Node::flush() { return format_->flush(); }

// Behind the disk: what lies below has no say there, whatever its size.
Task<> Node::read_own(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    CO_TRY_ASSIGN(Run run, co_await format_->map(offset + done, length - done));
    if (run.kind == RunKind::hole) run.kind = RunKind::zero;
    const Part part(into, length, done, run.length);
    CO_TRY(co_await read_run(run, offset + done, part.span()));
    done += run.length;
  }
  co_return {};
}

Task<> Node::read_vm_state(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  CO_TRY_ASSIGN(const uint64_t place, co_await format_->vm_state_place(offset, length, false));
  if (length == 0) co_return {};
  async::RangeLock::Guard guard;
  if (async::RangeLock* locks = format_->guest_locks()) {
    CO_TRY_ASSIGN(guard, co_await locks->lock(place, length, false));
  }
  co_return co_await read_own(place, into);
}

Task<> Node::write_vm_state(uint64_t offset, IoSpan from) {
  CO_TRY_ASSIGN(const uint64_t place,
                co_await format_->vm_state_place(offset, io_length(from), true));
  co_return co_await write_data(place, from);
}

Task<> Node::resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) {
  const uint64_t old_size = virtual_size();
  CO_TRY(co_await format_->resize(size, preallocation, allow_shrink));
  if (virtual_size() <= old_size) co_return {};
  const Result<void> zeroed = co_await zero_new_bytes(old_size, preallocation);
  if (zeroed) co_return co_await format_->commit_resize();
  (void)co_await format_->abort_resize();
  co_return zeroed;
}

// New bytes read as zeroes: neither what the last cluster held past the old end, nor what a
// longer backing file holds there, may show. What was preallocated does.
Task<> Node::zero_new_bytes(uint64_t old_size, storage::Preallocation preallocation) {
  const uint32_t cluster_size = format_->geometry().cluster_size;
  if (cluster_size == 0) co_return {};
  const uint64_t size = virtual_size();
  const uint64_t exposed = std::min(size, align_up(old_size, cluster_size));
  const bool longer = backing_ && backing_->virtual_size() > old_size;
  const bool has_data = preallocation == storage::Preallocation::falloc ||
                        preallocation == storage::Preallocation::full;
  if (longer && !has_data) {
    co_return co_await zero_unmarked(old_size, size - old_size, {});
  }
  CO_TRY_ASSIGN(const bool clean, co_await reads_zero(old_size, exposed));
  if (clean) co_return {};
  co_return co_await zero_unmarked(old_size, exposed - old_size, {});
}

Task<NodeStatus> Node::status_here(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const Run run, co_await format_->map(offset, length));
  NodeStatus out;
  out.length = run.length;
  out.kind = run.kind;
  out.zero = run.kind == RunKind::zero || (run.kind == RunKind::hole && !backing_);
  out.has_host_offset = run.has_host_offset;
  out.host_offset = run.host_offset;
  if (run.has_host_offset) out.file = run.file != nullptr ? run.file : &format_->file();
  co_return out;
}

// Data that the file itself says is a hole there reads as zeroes, too.
Task<> Node::look_into_file(NodeStatus& found) {
  if (found.kind != RunKind::data || found.file == nullptr) co_return {};
  Node* layer = this;
  for (uint32_t i = 0; i < found.depth; ++i) layer = layer->backing_.get();
  CO_TRY_ASSIGN(const bool holes, co_await layer->format_->data_may_be_holes());
  if (!holes) co_return {};
  if (found.host_offset >= found.file->size()) {
    found.zero = true;
    co_return {};
  }
  CO_TRY_ASSIGN(const storage::Status below,
                co_await found.file->status(found.host_offset, found.length));
  found.length = std::min(found.length, below.length);
  found.zero = below.zero;
  co_return {};
}

Task<NodeStatus> Node::status_here_in_file(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const NodeStatus stored, co_await status_here(offset, length));
  NodeStatus found = stored;
  CO_TRY(co_await look_into_file(found));
  const uint64_t cluster = std::max<uint64_t>(format_->geometry().cluster_size, 1);
  const uint64_t end = offset + found.length;
  const bool whole = is_aligned(offset, cluster) && align_down(end, cluster) > offset;
  if (found.zero && !stored.zero && whole) {
    found.length = align_down(end, cluster) - offset;
  } else if (found.length != stored.length) {
    found.zero = stored.zero;
    found.length = std::min(stored.length, align_up(end, cluster) - offset);
  }
  co_return found;
}

Task<NodeStatus> Node::status(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(NodeStatus found, co_await status_in_chain(offset, length));
  CO_TRY(co_await look_into_file(found));
  co_return found;
}

Task<NodeStatus> Node::status_in_chain(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(NodeStatus found, co_await status_here(offset, length));
  uint32_t depth = 0;
  for (Node* below = backing_.get(); below != nullptr && found.kind == RunKind::hole;
       below = below->backing_.get()) {
    const uint64_t end = below->virtual_size();
    if (offset >= end) {
      // Past the end of a shorter layer: the one above it has the say.
      found.zero = true;
      found.beyond_end = true;
      break;
    }
    CO_TRY_ASSIGN(found, co_await below->status_here(offset, std::min(found.length, end - offset)));
    found.depth = ++depth;
  }
  co_return found;
}

Task<> Node::close() { return format_->close(); }

Task<> close_chain(std::shared_ptr<Node> node) {
  Result<void> first;
  for (; node; node = node->backing()) {
    const Result<void> closed = co_await node->close();
    if (first && !closed) first = closed;
  }
  co_return first;
}

}  // namespace oxbow::graph
