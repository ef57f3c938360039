// Zeroes and discards: what the file system or the device does itself, else bytes.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "base/buffer.h"
#include "storage/file_storage.h"

namespace oxbow::storage {
namespace {

constexpr uint64_t zero_chunk = 1 << 20;
constexpr uint64_t device_sector = 512;

bool says_unsupported(int os_error) {
  return os_error == EOPNOTSUPP || os_error == ENOSYS || os_error == ENOTTY || os_error == ENODEV ||
         os_error == EINVAL || os_error == EPERM;
}

}  // namespace

Task<bool> FileStorage::try_fallocate(int mode, uint64_t offset, uint64_t length, bool& able) {
  if (!able) co_return false;
  Result<void> done = co_await async::Loop::current_thread().fallocate(fd(), mode, offset, length);
  if (done) co_return true;
  if (!says_unsupported(done.error().os_error())) {
    co_return std::unexpected(io_error(std::move(done).error(), "write zeroes to", offset));
  }
  able = false;
  co_return false;
}

Task<bool> FileStorage::zero_device(uint64_t offset, uint64_t length, bool unmap) {
  if (!is_aligned(offset | length, device_sector)) co_return false;
  if (unmap) {
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    CO_TRY_ASSIGN(const bool punched, co_await try_fallocate(punch, offset, length, can_punch_));
    if (punched) co_return true;
  }
  if (!can_zero_range_) co_return false;
  const int device = fd();
  auto zero = [=]() -> Result<void> {
    uint64_t range[2] = {offset, length};
    if (::ioctl(device, BLKZEROOUT, range) == 0) return {};
    return std::unexpected(Error::from_errno(errno));
  };
  Result<void> done = co_await async::Loop::current_thread().offload(zero);
  if (done) co_return true;
  if (!says_unsupported(done.error().os_error())) {
    co_return std::unexpected(io_error(std::move(done).error(), "write zeroes to", offset));
  }
  can_zero_range_ = false;
  co_return false;
}

/// False: nothing but writing the bytes helps.
Task<bool> FileStorage::zero_by_kernel(uint64_t offset, uint64_t length, bool unmap) {
  if (device_) co_return co_await zero_device(offset, length, unmap);
  const uint64_t end = offset + length;
  if (offset >= size_) {
    CO_TRY(set_length(std::max(end, written_end_)));
    co_return true;
  }
  const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (unmap) {
    const uint64_t inside = std::min(end, size_) - offset;
    CO_TRY_ASSIGN(const bool punched, co_await try_fallocate(punch, offset, inside, can_punch_));
    if (punched) {
      if (end > size_) CO_TRY(set_length(std::max(end, written_end_)));
      co_return true;
    }
  }
  CO_TRY_ASSIGN(const bool zeroed,
                co_await try_fallocate(FALLOC_FL_ZERO_RANGE, offset, length, can_zero_range_));
  if (zeroed || end > size_) co_return zeroed;
  // Where a range can only be punched (tmpfs), the hole gets its space back at once.
  CO_TRY_ASSIGN(const bool punched, co_await try_fallocate(punch, offset, length, can_punch_));
  bool can_fill = punched;
  co_return co_await try_fallocate(0, offset, length, can_fill);
}

Task<> FileStorage::write_zero_bytes(uint64_t offset, uint64_t length, WriteFlags flags) {
  CO_TRY_ASSIGN(Buffer zeroes, Buffer::allocate_zeroed(std::min(length, zero_chunk)));
  while (length != 0) {
    const iovec part = io_slice(zeroes.data(), std::min(length, zero_chunk));
    CO_TRY(co_await write(offset, IoSpan(&part, 1), flags));
    offset += part.iov_len;
    length -= part.iov_len;
  }
  co_return {};
}

Task<> FileStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  CO_TRY(check_writable());
  if (length == 0) co_return {};
  const bool unmap = flags.may_unmap && options_.discard_unmap;
  CO_TRY_ASSIGN(const bool done, co_await zero_by_kernel(offset, length, unmap));
  if (done) {
    wrote(offset, length, false);
    if (durable(flags.fua)) co_return co_await flush();
    co_return {};
  }
  if (flags.no_fallback) {
    co_return fail(ErrorKind::unsupported, "'" + filename() + "' has no fast way to write zeroes",
                   ENOTSUP);
  }
  const WriteFlags write_flags = {.fua = flags.fua};
  co_return co_await write_zero_bytes(offset, length, write_flags);
}

Task<> FileStorage::discard(uint64_t offset, uint64_t length) {
  CO_TRY(check_writable());
  if (!options_.discard_unmap || offset >= size_) co_return {};
  length = std::min(length, size_ - offset);
  if (length == 0) co_return {};
  extents_.changed(offset, length);
  unflushed_ = true;
  if (!device_) {
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    Result<bool> done = co_await try_fallocate(punch, offset, length, can_punch_);
    if (!done) co_return std::unexpected(std::move(done).error());
    co_return {};
  }
  const int device = fd();
  auto discard_sectors = [=]() -> Result<void> {
    uint64_t range[2] = {offset, length};
    if (::ioctl(device, BLKDISCARD, range) == 0 || says_unsupported(errno)) return {};
    return std::unexpected(Error::from_errno(errno));
  };
  Result<void> done = co_await async::Loop::current_thread().offload(discard_sectors);
  if (!done) co_return std::unexpected(io_error(std::move(done).error(), "discard", offset));
  co_return {};
}

}  // namespace oxbow::storage
