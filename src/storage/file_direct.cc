#include "storage/file_direct.h"

#include <fcntl.h>
#include <limits.h>

#include <algorithm>

namespace oxbow::storage {
namespace {

constexpr uint64_t bounce_size = 1 << 20;
constexpr uint64_t to_the_end = UINT64_MAX;

}  // namespace

Limits DirectFileStorage::limits() const {
  Limits limits = FileStorage::limits();
  limits.request_alignment = alignment_.request;
  limits.memory_alignment = alignment_.memory;
  return limits;
}

bool DirectFileStorage::fits(uint64_t offset, IoSpan vector) const {
  if (!is_aligned(offset, alignment_.request) || vector.size() > IOV_MAX) return false;
  return std::ranges::all_of(vector, [this](const iovec& part) {
    return is_aligned(part.iov_len, alignment_.request) &&
           is_aligned(reinterpret_cast<uintptr_t>(part.iov_base), alignment_.memory);
  });
}

Task<size_t> DirectFileStorage::read_blocks(uint64_t start, std::span<std::byte> into) {
  size_t done = 0;
  while (done < into.size()) {
    const iovec part = io_slice(into.subspan(done));
    Result<size_t> got =
        co_await async::Loop::current_thread().read(fd(), IoSpan(&part, 1), start + done);
    if (!got) co_return std::unexpected(io_error(std::move(got).error(), "read", start + done));
    done += *got;
    // Only the end of the file ends a direct read inside a block.
    if (*got == 0 || !is_aligned(*got, alignment_.request)) break;
  }
  co_return done;
}

Task<> DirectFileStorage::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  uint64_t done = 0;
  if (length != 0 && fits(offset, into)) {
    Result<size_t> got = co_await async::Loop::current_thread().read(fd(), into, offset);
    if (!got) co_return std::unexpected(io_error(std::move(got).error(), "read", offset));
    if (*got == length) co_return {};
    if (!is_aligned(*got, alignment_.request)) {
      co_return finish_short_read(into, length, offset + *got, *got);
    }
    done = *got;
  }
  const uint64_t block = alignment_.request;
  const uint64_t blocks = align_up(offset + length, block) - align_down(offset, block);
  CO_TRY_ASSIGN(Buffer bounce, Buffer::allocate(std::min(blocks, bounce_size)));
  while (done < length) {
    const uint64_t start = align_down(offset + done, block);
    const uint64_t skip = offset + done - start;
    const uint64_t wanted = std::min(length - done, bounce.size() - skip);
    const auto blocks_read = bounce.span().first(align_up(skip + wanted, block));
    CO_TRY_ASSIGN(const size_t got, co_await read_blocks(start, blocks_read));
    const uint64_t useful = std::min<uint64_t>(got - std::min<uint64_t>(got, skip), wanted);
    const std::vector<iovec> target = io_subvector(into, done, useful);
    io_copy_from(target, bounce.span().subspan(skip));
    done += useful;
    if (useful < wanted) co_return finish_short_read(into, length, offset + done, done);
  }
  co_return {};
}

Task<> DirectFileStorage::write_blocks(uint64_t start, IoSpan from, bool stable) {
  const uint64_t length = io_length(from);
  std::vector<iovec> rest(from.begin(), from.end());
  for (uint64_t done = 0; done < length;) {
    Result<size_t> put = co_await async::Loop::current_thread().write(fd(), rest, start + done,
                                                                      stable ? RWF_DSYNC : 0);
    if (put && *put == 0) put = std::unexpected(Error::from_errno(ENOSPC));
    if (!put) co_return std::unexpected(io_error(std::move(put).error(), "write", start + done));
    // A short direct write is resumed at a block, whatever was counted beyond it.
    done += *put == length - done ? *put : align_down(*put, alignment_.request);
    if (*put < alignment_.request && done < length) {
      co_return std::unexpected(io_error(Error::from_errno(ENOSPC), "write", start + done));
    }
    rest = io_subvector(from, done, length - done);
  }
  co_return {};
}

Task<> DirectFileStorage::load_edges(uint64_t offset, uint64_t end, std::span<std::byte> blocks) {
  const uint64_t block = alignment_.request;
  const uint64_t start = align_down(offset, block);
  const bool head = offset != start;
  const bool tail = !is_aligned(end, block);
  const uint64_t last = align_down(end, block);
  if (head || (tail && last == start)) {
    const auto first = blocks.first(block);
    std::ranges::fill(first, std::byte{0});
    CO_TRY(co_await read_blocks(start, first));
  }
  if (tail && last != start) {
    const auto edge = blocks.subspan(last - start, block);
    std::ranges::fill(edge, std::byte{0});
    CO_TRY(co_await read_blocks(last, edge));
  }
  co_return {};
}

Task<> DirectFileStorage::write_part(uint64_t offset, IoSpan from, bool stable, Buffer& bounce) {
  const uint64_t block = alignment_.request;
  const uint64_t end = offset + io_length(from);
  const uint64_t start = align_down(offset, block);
  const auto blocks = bounce.span().first(align_up(end, block) - start);
  CO_TRY(co_await load_edges(offset, end, blocks));
  io_copy_to(from, blocks.subspan(offset - start, end - offset));
  const iovec whole = io_slice(blocks);
  CO_TRY(co_await write_blocks(start, IoSpan(&whole, 1), stable));
  const uint64_t real_end = std::max(end, size());
  if (start + blocks.size() > real_end) {
    // The last block made the file longer than what was written.
    CO_TRY(set_length(real_end));
  }
  co_return {};
}

Task<> DirectFileStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  CO_TRY(check_writable());
  const uint64_t length = io_length(from);
  if (length == 0) co_return {};
  const bool stable = durable(flags.fua);
  const uint64_t block = alignment_.request;
  const uint64_t start = align_down(offset, block);
  const uint64_t blocks = align_up(offset + length, block) - start;
  const bool straight = fits(offset, from);
  // A write that may have to cut the file afterwards excludes all others up there.
  const bool cuts = !straight && start + blocks > size();
  CO_TRY_ASSIGN(auto guard,
                co_await write_locks_.lock(start, cuts ? to_the_end : blocks, !straight));
  if (straight) {
    writing_up_to(offset + length);
    CO_TRY(co_await write_blocks(offset, from, stable));
    wrote(offset, length, stable);
    co_return {};
  }
  CO_TRY_ASSIGN(Buffer bounce, Buffer::allocate(std::min(blocks, bounce_size)));
  for (uint64_t done = 0; done < length;) {
    const uint64_t skip = (offset + done) % block;
    const uint64_t part_length = std::min(length - done, bounce.size() - skip);
    const std::vector<iovec> part = io_subvector(from, done, part_length);
    CO_TRY(co_await write_part(offset + done, part, stable, bounce));
    wrote(offset + done, part_length, stable);
    done += part_length;
  }
  co_return {};
}

Task<> DirectFileStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  if (!flags.no_fallback) {
    // The kernel's way first, under the lock; the fallback is write(), which locks itself.
    ZeroFlags quick = flags;
    quick.no_fallback = true;
    Result<void> done = co_await write_zeroes(offset, length, quick);
    if (done || done.error().kind() != ErrorKind::unsupported) co_return done;
    co_return co_await FileStorage::write_zeroes(offset, length, flags);
  }
  const uint64_t start = align_down(offset, alignment_.request);
  const uint64_t end = align_up(offset + length, alignment_.request);
  const uint64_t locked = end > size() ? to_the_end : end - start;
  CO_TRY_ASSIGN(auto guard, co_await write_locks_.lock(start, locked, true));
  co_return co_await FileStorage::write_zeroes(offset, length, flags);
}

Task<> DirectFileStorage::discard(uint64_t offset, uint64_t length) {
  const uint64_t start = align_down(offset, alignment_.request);
  const uint64_t end = align_up(offset + length, alignment_.request);
  CO_TRY_ASSIGN(auto guard, co_await write_locks_.lock(start, end - start, true));
  co_return co_await FileStorage::discard(offset, length);
}

}  // namespace oxbow::storage
