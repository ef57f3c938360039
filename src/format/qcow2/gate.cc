#include "format/qcow2/gate.h"

#include <bit>

#include "format/qcow2/layout.h"
#include "format/qcow2/overlap_guard.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr std::string_view name_of(Writes kind) {
  return kind == Writes::data ? "data cluster" : class_names[static_cast<unsigned>(kind) - 1].words;
}

// The stock tool's sentence; it names the first class in its own order.
std::string overlap_words(Writes what, const Overlap& overlap) {
  const auto others = static_cast<ClassMask>(overlap.classes & ~class_bit(what));
  if (others == 0) {
    return "Preventing invalid write of " + std::string(name_of(what)) + " where there is none";
  }
  return "Preventing invalid write on metadata (overlaps with " +
         std::string(class_names[std::countr_zero(others)].words) + ")";
}

std::string allocation_words(Writes kind, std::string_view where) {
  const bool l2 = kind == Writes::active_l2;  // which the stock tool does not call active here
  return "Preventing invalid allocation of " + std::string(l2 ? "L2 table" : name_of(kind)) + " " +
         std::string(where);
}

std::string count_words(const CountsInMemory::Wrong& wrong) {
  return "Preventing invalid write on cluster " + std::to_string(wrong.cluster) +
         " with a refcount of " + std::to_string(wrong.count);
}

}  // namespace

void Gate::arm(Header& header, OverlapGuard& guard, const CountsInMemory& counts,
               std::function<void(const Corruption&)> on_corrupt) {
  header_ = &header;
  cluster_bits_ = header.cluster_bits;
  guard_ = &guard;
  counts_ = &counts;
  on_corrupt_ = std::move(on_corrupt);
}

std::optional<CountsInMemory::Wrong> Gate::miscounted(uint64_t offset, uint64_t length) const {
  const uint64_t first = offset >> cluster_bits_;
  const uint64_t last = (offset + length - 1) >> cluster_bits_;
  return counts_->first_not_one(first, last);
}

bool Gate::allows(Writes what, uint64_t offset, uint64_t length) const {
  if (corrupt_) return false;
  if (guard_ == nullptr || length == 0 || !guard_->enabled()) return true;
  if (!guard_->allows(what, offset, length)) return false;
  return what != Writes::data || !miscounted(offset, length).has_value();
}

// The long way: an answer for certain, and the end of writing where it is no.
Task<> Gate::ask(Writes what, uint64_t offset, uint64_t length) {
  if (corrupt_) {
    co_return fail(ErrorKind::corrupt, file_->filename() + " is marked corrupt", EIO);
  }
  CO_TRY_ASSIGN(const auto overlap, co_await guard_->ask(what, offset, length));
  if (overlap) co_return co_await refuse(overlap_words(what, *overlap), offset, length);
  if (what != Writes::data) co_return {};
  if (const auto wrong = miscounted(offset, length)) {
    co_return co_await refuse(count_words(*wrong), offset, length);
  }
  co_return {};
}

Task<> Gate::ask_then_write(Writes what, uint64_t offset, IoSpan from) {
  CO_TRY(co_await ask(what, offset, io_length(from)));
  co_return co_await file_->write(offset, from);
}

Task<> Gate::write_metadata(Writes what, uint64_t offset, IoSpan from) {
  if (!allows(what, offset, io_length(from))) {
    CO_TRY(co_await ask(what, offset, io_length(from)));
  }
  const Result<void> written = co_await file_->write(offset, from);
  ++ended_;
  co_return written;
}

// The way of nearly every data write: within one cluster, whose count is known or not.
bool Gate::surely_allows_data(uint64_t offset, uint64_t length) const {
  if (guard_ == nullptr || corrupt_) return false;
  const uint64_t first = offset >> cluster_bits_;
  const uint64_t last = (offset + length - 1) >> cluster_bits_;
  return first == last && guard_->surely_free(first) && !counts_->known_not_one(first);
}

Task<> Gate::write(Writes what, uint64_t offset, IoSpan from) {
  if (what != Writes::data) return write_metadata(what, offset, from);
  if (surely_allows_data(offset, io_length(from))) return file_->write(offset, from);
  if (allows(what, offset, io_length(from))) return file_->write(offset, from);
  return ask_then_write(what, offset, from);
}

Task<> Gate::write_beside(uint64_t offset, IoSpan from) {
  const uint64_t length = io_length(from);
  CO_TRY(co_await check_release(offset, length));
  const uint64_t last = (offset + length - 1) >> cluster_bits_;
  for (uint64_t at = offset >> cluster_bits_; guard_ != nullptr && at <= last; ++at) {
    const auto wrong = counts_->first_not_one(at, at);
    if (!wrong || wrong->count != 0 || !guard_->enabled()) continue;
    co_return co_await refuse(count_words(*wrong), offset, length);
  }
  co_return co_await file_->write(offset, from);
}

Task<> Gate::write_zeroes(Writes what, uint64_t offset, uint64_t length, storage::ZeroFlags flags) {
  if (!allows(what, offset, length)) CO_TRY(co_await ask(what, offset, length));
  const Result<void> written = co_await file_->write_zeroes(offset, length, flags);
  ++ended_;
  co_return written;
}

Task<> Gate::check_release(uint64_t offset, uint64_t length) {
  if (guard_ == nullptr || (!corrupt_ && guard_->allows(Writes::data, offset, length))) {
    co_return {};
  }
  if (corrupt_) {
    co_return fail(ErrorKind::corrupt, file_->filename() + " is marked corrupt", EIO);
  }
  CO_TRY_ASSIGN(const auto overlap, co_await guard_->ask(Writes::data, offset, length));
  if (overlap) co_return co_await refuse(overlap_words(Writes::data, *overlap), offset, length);
  co_return {};
}

Task<> Gate::discard(uint64_t offset, uint64_t length) {
  CO_TRY(co_await check_release(offset, length));
  // Until the hole is there, nothing may be put into it.
  HeldRanges::Hold held = hold_data(offset, length);
  const Result<void> discarded = co_await file_->discard(offset, length);
  end_data(held);
  co_return discarded;
}

Task<> Gate::truncate(uint64_t size, storage::Preallocation preallocation) {
  if (size < file_->size()) CO_TRY(co_await check_release(size, file_->size() - size));
  const Result<void> truncated = co_await file_->truncate(size, preallocation);
  ++ended_;
  CO_TRY(truncated);
  if (guard_ != nullptr) guard_->adapt_limit();
  co_return {};
}

Task<> Gate::enter(Writes kind, uint64_t offset, uint64_t length) {
  if (corrupt_) {
    co_return fail(ErrorKind::corrupt, file_->filename() + " is marked corrupt", EIO);
  }
  if (offset == 0) {
    co_return co_await refuse(allocation_words(kind, "at offset 0"), 0, 0);
  }
  if (guard_ == nullptr || !guard_->enabled()) co_return {};
  // What is free belongs to no class, its own neither.
  CO_TRY_ASSIGN(const auto overlap, co_await guard_->ask(Writes::data, offset, length));
  if (overlap) co_return co_await refuse(overlap_words(Writes::data, *overlap), offset, length);
  if (data_in_flight_.any_in(offset, offset + length)) {
    co_return co_await refuse(allocation_words(kind, "where a data write is under way"), offset,
                              length);
  }
  guard_->enter(kind, offset, length);
  co_return {};
}

void Gate::leave(Writes kind, uint64_t offset, uint64_t length) {
  if (guard_ != nullptr) guard_->leave(kind, offset, length);
}

void Gate::share(Writes kind, uint64_t offset, uint64_t length) {
  if (guard_ != nullptr) guard_->enter(kind, offset, length);
}

void Gate::leave_snapshot(uint64_t offset, uint64_t references) {
  if (guard_ == nullptr) return;
  const bool active = guard_->knows_active_l2(offset);
  if (references == (active ? 1U : 0U)) guard_->leave(Writes::inactive_l2, offset, 1);
}

// The one write that is still allowed; the refusal stands even where it fails.
Task<> Gate::set_corrupt_bit() {
  if (header_->version < 3) co_return {};
  header_->incompatible_features |= incompatible_corrupt;
  std::byte raw[8];
  store_be<uint64_t>(raw, header_->incompatible_features);
  const iovec from = io_slice(std::span<const std::byte>(raw));
  CO_TRY(co_await file_->write(header_offset_incompatible, IoSpan(&from, 1)));
  co_return co_await file_->flush();
}

Task<> Gate::refuse(std::string message, uint64_t offset, uint64_t length) {
  if (!std::exchange(corrupt_, true)) {
    if (on_corrupt_) {
      const Corruption corruption{message, offset, length};
      on_corrupt_(corruption);
    }
    if (header_ != nullptr) (void)co_await set_corrupt_bit();
  }
  co_return fail(ErrorKind::corrupt, std::move(message), EIO);
}

Task<> Gate::write_main_header(uint64_t offset, std::span<const std::byte> fields) {
  const iovec from = io_slice(fields);
  co_return co_await write(Writes::main_header, offset, IoSpan(&from, 1));
}

Task<> Gate::write_header_field(uint64_t offset, uint64_t value) {
  std::byte raw[8];
  store_be(raw, value);
  CO_TRY(co_await barrier());
  co_return co_await switch_header(offset, raw);
}

Task<> Gate::switch_header(uint64_t offset, std::span<const std::byte> fields) {
  CO_TRY(co_await settle_header());
  OldFields old{offset, std::vector<std::byte>(fields.size())};
  const iovec into = io_slice(std::span<std::byte>(old.bytes));
  CO_TRY(co_await file_->read(offset, IoSpan(&into, 1)));
  Result<void> switched = co_await write_main_header(offset, fields);
  if (switched) switched = co_await barrier();
  if (!switched) unsettled_.push_back(std::move(old));
  co_return switched;
}

Task<> Gate::settle_header() {
  while (!unsettled_.empty()) {
    const OldFields old = unsettled_.back();
    CO_TRY(co_await write_main_header(old.offset, old.bytes));
    CO_TRY(co_await file_->flush());
    // Somebody else may have settled it meanwhile.
    std::erase_if(unsettled_, [&](const OldFields& it) { return it.offset == old.offset; });
  }
  co_return {};
}

Task<> Gate::close() {
  const Result<void> settled = co_await settle_header();
  CO_TRY(co_await file_->close());
  co_return settled;
}

Task<> Gate::barrier() {
  if (!unsettled_.empty()) CO_TRY(co_await settle_header());
  if (flushed_ == ended_) co_return {};
  const uint64_t covered = ended_;
  CO_TRY(co_await file_->flush());
  flushed_ = std::max(flushed_, covered);
  co_return {};
}

}  // namespace oxbow::format::qcow2
