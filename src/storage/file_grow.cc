// The length of a file: truncate, and what preallocation does to the new part.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "storage/file_storage.h"

namespace oxbow::storage {

Result<void> FileStorage::set_length(uint64_t size) {
  if (::ftruncate(fd(), static_cast<off_t>(size)) != 0) {
    return std::unexpected(Error::from_errno(errno, "Could not resize file"));
  }
  size_ = size;
  written_end_ = size;
  extents_.forget();
  unflushed_ = true;
  return {};
}

Task<> FileStorage::truncate(uint64_t size, Preallocation preallocation) {
  CO_TRY(check_writable());
  if (device_) {
    if (size == size_) co_return {};
    co_return fail(ErrorKind::unsupported, "Cannot resize device files", ENOTSUP);
  }
  if (preallocation == Preallocation::metadata) {
    co_return fail(ErrorKind::unsupported, "Unsupported preallocation mode: metadata", ENOTSUP);
  }
  const LockSet before = locks_.held();
  LockSet resizing = before;
  resizing.used |= permission::resize;
  if (before != LockSet{}) CO_TRY(lock(resizing));
  Result<void> done;
  if (preallocation == Preallocation::off || size <= size_) {
    size_ = std::min(size_, size);  // before: a read under way must not miss what is cut off
    done = set_length(size);
  } else {
    done = co_await grow_allocated(size, preallocation);
  }
  if (done && durable(false)) done = co_await flush();
  Result<void> unlocked = lock(before);
  co_return done ? unlocked : done;
}

Task<> FileStorage::grow_allocated(uint64_t size, Preallocation preallocation) {
  const uint64_t old_size = size_;
  Result<void> done;
  if (preallocation == Preallocation::falloc) {
    done = co_await allocate_new(old_size, size);
  } else {
    done = co_await fill_new(old_size, size);
  }
  // What was allocated until the failure is given back; that the file keeps its old
  // contents matters more than an error of this ftruncate.
  if (!done) (void)set_length(old_size);
  co_return done;
}

Task<> FileStorage::allocate_new(uint64_t old_size, uint64_t size) {
  Result<void> done =
      co_await async::Loop::current_thread().fallocate(fd(), 0, old_size, size - old_size);
  if (!done && done.error().os_error() == EOPNOTSUPP) {
    co_return co_await fill_new(old_size, size);
  }
  if (!done) {
    co_return std::unexpected(
        Error::from_errno(done.error().as_errno(), "Could not preallocate new data"));
  }
  wrote(old_size, size - old_size, false);
  co_return {};
}

Task<> FileStorage::fill_new(uint64_t old_size, uint64_t size) {
  CO_TRY(set_length(size));
  Result<void> done = co_await write_zero_bytes(old_size, size - old_size, {});
  if (done) done = co_await flush();
  if (!done) {
    co_return std::unexpected(
        Error::from_errno(done.error().as_errno(), "Could not write zeros for preallocation"));
  }
  co_return {};
}

}  // namespace oxbow::storage
