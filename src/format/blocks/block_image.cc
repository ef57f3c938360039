#include "format/blocks/block_image.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::format {
namespace {

constexpr size_t most_pending = 128;

// What is around the data in its units of `unit` bytes is written with it.
void take_surroundings(WritePlan& plan, uint32_t unit) {
  plan.head = plan.guest_offset % unit;
  plan.tail = align_up(plan.guest_offset + plan.length, unit) - plan.guest_offset - plan.length;
}

}  // namespace

uint64_t BlockImage::block_start(uint64_t offset) const { return align_down(offset, block_size_); }

uint64_t BlockImage::rest_of_block(uint64_t offset, uint64_t length) const {
  return std::min(length, block_start(offset) + block_size_ - offset);
}

Task<Run> BlockImage::map(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const Block place, co_await find(offset / block_size_));
  Run run;
  run.length = rest_of_block(offset, length);
  run.kind = place.kind;
  run.has_host_offset = place.kind == RunKind::data;
  if (run.has_host_offset) run.host_offset = place.host_offset + offset % block_size_;
  co_return run;
}

Task<> BlockImage::read_compressed(uint64_t, IoSpan) {
  co_return fail(ErrorKind::internal, name() + " images have no compressed clusters");
}

Task<uint64_t> BlockImage::allocate_packed(uint64_t) {
  co_return fail(ErrorKind::internal, name() + " images have no compressed clusters");
}

Task<> BlockImage::link_packed(uint64_t, uint64_t, uint64_t) {
  co_return fail(ErrorKind::internal, name() + " images have no compressed clusters");
}

Task<> BlockImage::link_zeroes(uint64_t) {
  co_return fail(ErrorKind::internal, name() + " images have no blocks of zeroes");
}

Task<uint64_t> BlockImage::zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) {
  const bool to_the_end = offset + length == size_;
  const uint64_t whole = to_the_end ? length : align_down(length, block_size_);
  if (!links_zeroes() || offset % block_size_ != 0 || whole == 0) co_return 0;
  if (!begun_) CO_TRY(co_await ensure_begun());
  async::RangeLock::Guard guard;
  if (!flags.range_held) {
    CO_TRY_ASSIGN(guard, co_await guest_locks_.lock(offset, whole, true));
  }
  uint64_t done = 0;
  while (done < whole) {
    CO_TRY_ASSIGN(const bool is_zero, co_await zero_block((offset + done) / block_size_));
    if (!is_zero) break;
    done += block_size_;
  }
  co_return std::min(done, whole);
}

// False where it has a place, which a link to zeroes would lose.
Task<bool> BlockImage::zero_block(uint64_t block) {
  CO_TRY_ASSIGN(const Block place, co_await find(block));
  if (place.kind == RunKind::zero) co_return true;
  if (place.kind != RunKind::hole) co_return false;
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  CO_TRY(co_await make_linkable(block));
  CO_TRY(co_await link_zeroes(block));
  co_return true;
}

Task<WritePlan> BlockImage::prepare_write(uint64_t offset, uint64_t length) {
  if (!begun_) CO_TRY(co_await ensure_begun());
  length = rest_of_block(offset, length);
  CO_TRY_ASSIGN(WritePlan plan, co_await plan_in_place(offset, length));
  if (plan.length != 0) co_return plan;
  co_return co_await plan_new_block(offset, length);
}

// Length 0: the block has no place.
Task<WritePlan> BlockImage::plan_in_place(uint64_t offset, uint64_t length) {
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = length;
  take_surroundings(plan, write_unit());
  const bool around = plan.head + plan.tail != 0;
  CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(offset - plan.head,
                                                      plan.head + length + plan.tail, around));
  const uint64_t block = offset / block_size_;
  CO_TRY_ASSIGN(const Block place, co_await find(block));
  if (place.kind != RunKind::data) co_return WritePlan{};
  if (wants_block_ready(block)) CO_TRY(co_await ensure_ready(block, place.host_offset));
  plan.host_offset = place.host_offset + offset % block_size_;
  co_return plan;
}

Task<> BlockImage::ensure_begun() {
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  if (begun_) co_return {};
  CO_TRY(co_await begin_writing());
  begun_ = true;
  co_return {};
}

Task<> BlockImage::ensure_ready(uint64_t block, uint64_t host_offset) {
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  if (!wants_block_ready(block)) co_return {};
  co_return co_await make_block_ready(block, host_offset);
}

// Holds the whole block, so that nobody else gives it another place.
Task<WritePlan> BlockImage::plan_new_block(uint64_t offset, uint64_t length) {
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = length;
  const uint64_t start = block_start(offset);
  CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(start, block_size_, true));
  CO_TRY_ASSIGN(const Block place, co_await find(offset / block_size_));
  if (place.kind == RunKind::data) {
    take_surroundings(plan, write_unit());
    plan.host_offset = place.host_offset + offset % block_size_;
    co_return plan;
  }
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  CO_TRY(co_await make_linkable(offset / block_size_));
  uint64_t room = 0;
  if (given_back_.empty()) {
    CO_TRY_ASSIGN(room, co_await allocate(offset / block_size_));
  } else {
    room = given_back_.back();
    CO_TRY(co_await clear_room(room, block_size_));
    given_back_.pop_back();
  }
  plan.in_place = false;
  plan.host_offset = room + offset % block_size_;
  const bool hole_shows = place.kind == RunKind::hole && has_backing_;
  // Else the room reads as the block did, as zeroes.
  if (hole_shows || place.kind == RunKind::compressed || write_unit() != 1) {
    take_surroundings(plan, block_size_);
  }
  co_return plan;
}

// A block that was there may be replaced; its place is lost.
Task<WritePlan> BlockImage::prepare_compressed(uint64_t offset, uint64_t length, uint64_t packed) {
  if (!begun_) CO_TRY(co_await ensure_begun());
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = length;
  plan.packed = packed;
  plan.in_place = false;
  CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(offset, block_size_, true));
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  CO_TRY(co_await make_linkable(offset / block_size_));
  CO_TRY_ASSIGN(plan.host_offset, co_await allocate_packed(packed));
  co_return plan;
}

Task<> BlockImage::clear_room(uint64_t host_offset, uint64_t length) {
  const uint64_t old_end = file_->size();
  const uint64_t end = host_offset + length;
  if (old_end > host_offset) {
    storage::ZeroFlags flags;
    flags.may_unmap = true;
    CO_TRY(co_await file_->write_zeroes(host_offset, std::min(end, old_end) - host_offset, flags));
  }
  if (old_end < end) CO_TRY(co_await file_->truncate(end));
  co_return {};
}

Task<> BlockImage::commit_write(WritePlan& plan) {
  const uint64_t block = plan.guest_offset / block_size_;
  if (plan.in_place) {
    plan.lock.unlock();
    co_return {};
  }
  const uint64_t room = plan.host_offset - plan.guest_offset % block_size_;
  const bool whole = plan.packed == 0;
  const Result<void> linked =
      whole ? co_await link(block, room) : co_await link_packed(block, room, plan.packed);
  if (!linked && whole) given_back_.push_back(room);
  plan.lock.unlock();
  // What could not be stored stays pending, and the next flush tells.
  if (linked && pending_pages() > most_pending) (void)co_await flush();
  co_return linked;
}

Task<> BlockImage::abort_write(WritePlan& plan) {
  if (!plan.in_place && plan.packed == 0) {
    given_back_.push_back(plan.host_offset - plan.guest_offset % block_size_);
  }
  plan.lock.unlock();
  co_return {};
}

Task<> BlockImage::flush() {
  if (read_only()) co_return {};
  CO_TRY_ASSIGN(auto guard, co_await storing_.lock());
  co_return co_await store();
}

Task<> BlockImage::store_entries(EntryTable& table) {
  EntryTable::Changes changes = table.take_changes();
  Result<void> ready = co_await file_->flush();
  if (changes.empty()) co_return ready;
  if (ready) ready = co_await before_entries();
  if (!ready) {
    table.put_back(changes);
    co_return ready;
  }
  CO_TRY(co_await table.write(std::move(changes)));
  co_return co_await file_->flush();
}

Task<> BlockImage::resize(uint64_t, storage::Preallocation, bool) {
  co_return fail(ErrorKind::unsupported, "Image format driver does not support resize", ENOTSUP);
}

Task<> BlockImage::close() {
  Result<void> stored;
  if (begun_) stored = co_await flush();
  if (begun_ && stored) stored = co_await end_writing();
  const Result<void> closed = co_await file_->close();
  co_return stored ? closed : stored;
}

}  // namespace oxbow::format
