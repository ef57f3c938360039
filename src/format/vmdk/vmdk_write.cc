// Writing: a new grain's data goes behind the file's end, its place into the tables after it.
#include <algorithm>
#include <array>
#include <random>

#include "base/bytes.h"
#include "format/vmdk/vmdk.h"

namespace oxbow::format::vmdk {

// Images that stand on this one see by the CID that it is no longer what it was. It is written
// before the first change, over the old one's digits: one small write.
Task<> VmdkImage::renew_cid() {
  if (cid_renewed_) co_return {};
  CO_TRY_ASSIGN(auto lock, co_await cid_lock_.lock());
  if (cid_renewed_) co_return {};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(cid_place_.length, '0');
  std::random_device random;
  uint32_t cid = descriptor_.cid;
  while (cid == descriptor_.cid) {
    cid = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const unsigned value = i == 0 && text.size() > 1 ? 1 + random() % 15 : random() % 16;
      text[i] = digits[value];
      cid = cid << 4 | value;
    }
    if (cid == no_parent) cid = descriptor_.cid;  // means: none
  }
  const iovec from = io_slice(text.data(), text.size());
  CO_TRY(co_await file_->write(text_offset_ + cid_place_.offset, IoSpan(&from, 1)));
  descriptor_.cid = cid;
  cid_renewed_ = true;
  co_return {};
}

Task<WritePlan> VmdkImage::prepare_write(uint64_t offset, uint64_t length) {
  if (read_only()) co_return fail(ErrorKind::read_only, "Block node is read-only", EPERM);
  CO_TRY(co_await renew_cid());
  Extent& extent = extent_at(offset);
  length = std::min(length, extent.end - offset);
  if (extent.sparse) co_return co_await plan_sparse(extent, offset, length);
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = length;
  plan.host_offset = extent.offset + (offset - extent.start);
  co_return plan;
}

Task<WritePlan> VmdkImage::plan_sparse(Extent& extent, uint64_t offset, uint64_t length) {
  const uint64_t grain_size = extent.sparse->grain_size;
  const uint64_t inside = (offset - extent.start) % grain_size;
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = std::min(length, grain_size - inside);
  CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(offset - inside, grain_size, true));
  const uint64_t grain = (offset - extent.start) / grain_size;
  CO_TRY_ASSIGN(const uint32_t entry, co_await extent.tables->entry(grain));
  const bool stored = entry > 1 || (entry == 1 && !extent.sparse->zero_grains);
  if (stored && extent.sparse->compressed) {
    co_return fail(ErrorKind::io, "Could not write to allocated cluster for streamOptimized", EIO);
  }
  if (stored) {
    plan.host_offset = uint64_t{entry} * sector + inside;
    co_return plan;
  }
  plan.in_place = false;
  plan.head = inside;
  plan.tail = grain_size - inside - plan.length;
  if (extent.sparse->compressed) {
    plan.host_offset = offset;  // where it goes is known when it is packed
    co_return plan;
  }
  if (extent.next_grain / sector > UINT32_MAX) {
    co_return fail(ErrorKind::no_space, extent.file->filename() + ": the extent is full", EFBIG);
  }
  plan.host_offset = extent.next_grain + inside;
  extent.next_grain += grain_size;
  co_return plan;
}

Task<> VmdkImage::write_host(Place at, IoSpan from) {
  Extent& extent = extent_at(at.guest);
  if (!extent.sparse || !extent.sparse->compressed) return extent.file->write(at.host, from);
  return write_packed(extent, at.guest, from);
}

Task<> VmdkImage::commit_write(WritePlan& plan) {
  if (plan.in_place) co_return {};
  Extent& extent = extent_at(plan.guest_offset);
  const uint64_t grain = (plan.guest_offset - extent.start) / extent.sparse->grain_size;
  uint64_t place = (plan.host_offset - plan.head) / sector;
  if (extent.sparse->compressed) {
    const auto packed = packed_places_.extract(plan.guest_offset - plan.head);
    if (packed.empty()) co_return fail(ErrorKind::internal, "a grain was not packed");
    place = packed.mapped();
  }
  co_return co_await extent.tables->set_entry(grain, static_cast<uint32_t>(place));
}

// The place is lost; nothing points at it.
Task<> VmdkImage::abort_write(WritePlan& plan) {
  packed_places_.erase(plan.guest_offset - plan.head);
  co_return {};
}

Task<uint64_t> VmdkImage::zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) {
  if (read_only()) co_return fail(ErrorKind::read_only, "Block node is read-only", EPERM);
  Extent& extent = extent_at(offset);
  length = std::min(length, extent.end - offset);
  if (!extent.sparse) {
    CO_TRY(co_await renew_cid());
    storage::ZeroFlags below;
    below.may_unmap = flags.may_unmap;
    below.no_fallback = flags.no_fallback;
    CO_TRY(
        co_await extent.file->write_zeroes(extent.offset + (offset - extent.start), length, below));
    co_return length;
  }
  const uint64_t grain_size = extent.sparse->grain_size;
  const uint64_t inside = offset - extent.start;
  // The last grain of the disk may be a part of one.
  const uint64_t whole = offset + length == extent.end ? length : align_down(length, grain_size);
  if (!extent.sparse->zero_grains || extent.sparse->compressed || inside % grain_size != 0 ||
      whole == 0) {
    co_return 0;
  }
  CO_TRY(co_await renew_cid());
  async::RangeLock::Guard guard;
  if (!flags.range_held) {
    CO_TRY_ASSIGN(guard, co_await guest_locks_.lock(offset, whole, true));
  }
  for (uint64_t done = 0; done < whole; done += grain_size) {
    CO_TRY(co_await extent.tables->set_entry((inside + done) / grain_size, 1));
  }
  co_return whole;
}

Task<> VmdkImage::flush() {
  for (Extent& one : extents_) {
    if (one.tables) {
      CO_TRY(co_await one.tables->flush());
    } else {
      CO_TRY(co_await one.file->flush());
    }
  }
  co_return co_await file_->flush();
}

}  // namespace oxbow::format::vmdk
