#include "storage/fault.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

#include "async/loop.h"
#include "base/buffer.h"

namespace oxbow::storage {
namespace {

std::unexpected<Error> no_such_request() { return std::unexpected(Error::from_errno(ENOENT)); }

Result<void> check_limits(const FaultOptions& options) {
  const auto refuse = [](const char* name, uint32_t value) {
    return fail(ErrorKind::invalid_argument,
                std::string("Cannot meet constraints with ") + name + " " + std::to_string(value));
  };
  if (options.align != 0 && !std::has_single_bit(options.align)) {
    return refuse("align", options.align);
  }
  const std::array<std::pair<const char*, uint32_t>, 5> multiples = {{
      {"max-transfer", options.max_transfer},
      {"opt-write-zero", options.opt_write_zero},
      {"max-write-zero", options.max_write_zero},
      {"opt-discard", options.opt_discard},
      {"max-discard", options.max_discard},
  }};
  for (const auto& [name, value] : multiples) {
    if (value % std::max<uint32_t>(options.align, 1) != 0) return refuse(name, value);
  }
  return {};
}

/// Cuts a range into pieces of whole `unit`s, at most `most` long, and what is left over
/// at both ends.
struct Pieces {
  uint64_t unit;
  uint64_t most;  ///< 0: no limit

  struct Piece {
    uint64_t length;
    bool fits;  ///< whole units
  };
  [[nodiscard]] Piece next(uint64_t offset, uint64_t length) const {
    const uint64_t head = align_up(offset, unit) - offset;
    if (head != 0) return {std::min(head, length), false};
    const uint64_t whole = align_down(length, unit);
    if (whole == 0) return {length, false};
    const uint64_t limit = most == 0 ? whole : std::max(align_down(most, unit), unit);
    return {std::min(whole, limit), true};
  }
};

}  // namespace

Result<std::unique_ptr<FaultStorage>> FaultStorage::create(std::unique_ptr<Storage> inner,
                                                           FaultOptions options) {
  TRY(check_limits(options));
  return std::unique_ptr<FaultStorage>(new FaultStorage(std::move(inner), std::move(options)));
}

FaultStorage::FaultStorage(std::unique_ptr<Storage> inner, FaultOptions options)
    : inner_(std::move(inner)),
      options_(std::move(options)),
      filename_(options_.filename.empty() ? inner_->filename() : options_.filename),
      rules_(std::move(options_.inject), std::move(options_.states)) {}

Limits FaultStorage::limits() const {
  Limits limits = inner_->limits();
  limits.request_alignment = std::max(limits.request_alignment, options_.align);
  limits.can_copy = false;  // copies inside the kernel would pass the rules by
  return limits;
}

void FaultStorage::event(std::string_view name) {
  if (auto tag = rules_.event(name)) stops_.push_back(*std::move(tag));
}

void FaultStorage::say(const std::string& what, const std::string& tag) const {
  if (options_.say) options_.say("blkdebug: " + what + " request '" + tag + "'");
}

Task<> FaultStorage::stop(std::string tag) {
  Suspended here;
  here.tag = std::move(tag);
  suspended_.push_back(&here);
  say("Suspended", here.tag);
  Result<void> resumed = co_await here.resumed.wait();
  std::erase(suspended_, &here);
  co_return resumed;
}

Task<> FaultStorage::pass(FaultIo io, const char* verb, uint64_t offset, uint64_t length) {
  const std::vector<std::string> stops = std::exchange(stops_, {});
  for (const std::string& tag : stops) CO_TRY(co_await stop(tag));
  const auto fault = rules_.check(io, offset, length);
  if (!fault) co_return {};
  if (!fault->immediately) CO_TRY(co_await async::Loop::current_thread().yield());
  co_return std::unexpected(
      Error::from_errno(fault->os_error, std::string("Could not ") + verb + " '" + filename_ +
                                             "' at offset " + std::to_string(offset)));
}

Result<void> FaultStorage::add_break(const std::string& event, const std::string& tag) {
  if (!is_fault_event(event)) return no_such_request();
  rules_.add_break(event, tag);
  return {};
}

Result<void> FaultStorage::resume(const std::string& tag) {
  const auto found = std::ranges::find(suspended_, tag, &Suspended::tag);
  if (found == suspended_.end()) return no_such_request();
  Suspended* request = *found;
  suspended_.erase(found);  // at once: a second resume is for another request
  say("Resuming", tag);
  request->resumed.set();
  return {};
}

Result<void> FaultStorage::remove_break(const std::string& tag) {
  const bool removed = rules_.remove_breaks(tag);
  while (is_suspended(tag)) TRY(resume(tag));
  if (!removed) return no_such_request();
  return {};
}

bool FaultStorage::is_suspended(const std::string& tag) const {
  return std::ranges::find(suspended_, tag, &Suspended::tag) != suspended_.end();
}

Task<> FaultStorage::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  if (is_aligned(offset | length, alignment())) co_return co_await read_aligned(offset, into);
  const uint64_t start = align_down(offset, alignment());
  CO_TRY_ASSIGN(Buffer blocks, Buffer::allocate(align_up(offset + length, alignment()) - start));
  const iovec whole = io_slice(blocks.span());
  CO_TRY(co_await read_aligned(start, IoSpan(&whole, 1)));
  io_copy_from(into, blocks.span().subspan(offset - start));
  co_return {};
}

Task<> FaultStorage::read_aligned(uint64_t offset, IoSpan into) {
  const Pieces pieces = {alignment(), options_.max_transfer};
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t count = pieces.next(offset + done, length - done).length;
    CO_TRY(co_await pass(FaultIo::read, "read", offset + done, count));
    const std::vector<iovec> part = io_subvector(into, done, count);
    CO_TRY(co_await inner_->read(offset + done, part));
    done += count;
  }
  co_return {};
}

Task<> FaultStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  const uint64_t length = io_length(from);
  const uint64_t start = align_down(offset, alignment());
  const uint64_t end = align_up(offset + length, alignment());
  const bool aligned = start == offset && end == offset + length;
  CO_TRY_ASSIGN(auto guard, co_await blocks_.lock(start, end - start, !aligned));
  if (aligned) co_return co_await write_aligned(offset, from, flags);
  co_return co_await write_padded(offset, from, flags);
}

Task<> FaultStorage::load_edge(const char* before, const char* after, uint64_t at,
                               std::span<std::byte> block) {
  event(before);
  const iovec part = io_slice(block);
  CO_TRY(co_await read_aligned(at, IoSpan(&part, 1)));
  event(after);
  co_return {};
}

Task<> FaultStorage::write_padded(uint64_t offset, IoSpan from, WriteFlags flags) {
  const uint64_t unit = alignment();
  const uint64_t start = align_down(offset, unit);
  const uint64_t end = offset + io_length(from);
  CO_TRY_ASSIGN(Buffer blocks, Buffer::allocate(align_up(end, unit) - start));
  const uint64_t last = align_down(end, unit);
  if (start != offset) {
    CO_TRY(co_await load_edge("pwritev_rmw_head", "pwritev_rmw_after_head", start,
                              blocks.span().first(unit)));
  }
  if (last != end && (last != start || start == offset)) {
    CO_TRY(co_await load_edge("pwritev_rmw_tail", "pwritev_rmw_after_tail", last,
                              blocks.span().subspan(last - start, unit)));
  }
  io_copy_to(from, blocks.span().subspan(offset - start, end - offset));
  // Padding beyond the end is not written: the storage keeps the length that was asked for.
  const uint64_t stop = std::min(start + blocks.size(), std::max(end, size()));
  const iovec whole = io_slice(blocks.span().first(stop - start));
  co_return co_await write_aligned(start, IoSpan(&whole, 1), flags);
}

Task<> FaultStorage::write_aligned(uint64_t offset, IoSpan from, WriteFlags flags) {
  event("pwritev");
  const Pieces pieces = {alignment(), options_.max_transfer};
  const uint64_t length = io_length(from);
  for (uint64_t done = 0; done < length;) {
    const uint64_t count = pieces.next(offset + done, length - done).length;
    CO_TRY(co_await pass(FaultIo::write, "write", offset + done, count));
    const std::vector<iovec> part = io_subvector(from, done, count);
    written_ = true;
    CO_TRY(co_await inner_->write(offset + done, part, flags));
    done += count;
  }
  event("pwritev_done");
  co_return {};
}

Task<> FaultStorage::write_zero_bytes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  constexpr uint64_t chunk = 1 << 20;
  CO_TRY_ASSIGN(Buffer zeroes, Buffer::allocate_zeroed(std::min(length, chunk)));
  while (length != 0) {
    const iovec part = io_slice(zeroes.data(), std::min(length, chunk));
    const WriteFlags write_flags = {.fua = flags.fua};
    CO_TRY(co_await write(offset, IoSpan(&part, 1), write_flags));
    offset += part.iov_len;
    length -= part.iov_len;
  }
  co_return {};
}

Task<> FaultStorage::zero_aligned(uint64_t offset, uint64_t length, ZeroFlags flags) {
  event("pwritev_zero");
  CO_TRY(co_await pass(FaultIo::write_zeroes, "write zeroes to", offset, length));
  CO_TRY_ASSIGN(auto guard, co_await blocks_.lock(offset, length, false));
  written_ = true;
  co_return co_await inner_->write_zeroes(offset, length, flags);
}

Task<> FaultStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  const Pieces pieces = {std::max<uint64_t>(alignment(), options_.opt_write_zero),
                         options_.max_write_zero};
  while (length != 0) {
    const Pieces::Piece piece = pieces.next(offset, length);
    if (piece.fits) {
      CO_TRY(co_await zero_aligned(offset, piece.length, flags));
    } else if (flags.no_fallback) {
      co_return fail(ErrorKind::unsupported, "'" + filename_ + "' has no fast way to write zeroes",
                     ENOTSUP);
    } else {
      CO_TRY(co_await write_zero_bytes(offset, piece.length, flags));
    }
    offset += piece.length;
    length -= piece.length;
  }
  co_return {};
}

Task<> FaultStorage::discard(uint64_t offset, uint64_t length) {
  const Pieces pieces = {std::max<uint64_t>(alignment(), options_.opt_discard),
                         options_.max_discard};
  while (length != 0) {
    const Pieces::Piece piece = pieces.next(offset, length);
    if (piece.fits) {
      CO_TRY(co_await pass(FaultIo::discard, "discard", offset, piece.length));
      written_ = true;
      CO_TRY(co_await inner_->discard(offset, piece.length));
    }
    offset += piece.length;
    length -= piece.length;
  }
  co_return {};
}

Task<> FaultStorage::flush() {
  event("flush_to_os");
  if (written_) {
    // The flush that meets the event is past the rules: they hold for requests after it.
    CO_TRY(co_await pass(FaultIo::flush, "flush", 0, 0));
    event("flush_to_disk");
    written_ = false;
  }
  co_return co_await inner_->flush();
}

Task<> FaultStorage::truncate(uint64_t size, Preallocation preallocation) {
  return inner_->truncate(size, preallocation);
}

Task<Status> FaultStorage::status(uint64_t offset, uint64_t length) {
  CO_TRY(co_await pass(FaultIo::block_status, "query", offset, length));
  co_return co_await inner_->status(offset, length);
}

Task<> FaultStorage::close() { return inner_->close(); }

}  // namespace oxbow::storage
