#include "storage/preallocate.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::storage {

Limits PreallocateStorage::limits() const {
  Limits limits = inner_->limits();
  // Copies inside the kernel would not be seen to go beyond the end.
  limits.can_copy = false;
  return limits;
}

// A host that cannot reserve is no reason not to write.
Task<> PreallocateStorage::reserve(uint64_t end) {
  if (end > reserved_) {
    const uint64_t align = std::max<uint64_t>(options_.align, 1);
    const uint64_t wanted = (end + options_.ahead + align - 1) / align * align;
    reserved_ = wanted;
    const Result<void> done = co_await inner_->truncate(wanted, Preallocation::falloc);
    if (!done) reserved_ = inner_->size();
  }
  end_ = std::max(end_, end);
  co_return {};
}

Task<Status> PreallocateStorage::status(uint64_t offset, uint64_t length) {
  return inner_->status(offset, std::min(length, end_ - offset));
}

Task<> PreallocateStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  CO_TRY(co_await reserve(offset + io_length(from)));
  co_return co_await inner_->write(offset, from, flags);
}

Task<> PreallocateStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  CO_TRY(co_await reserve(offset + length));
  co_return co_await inner_->write_zeroes(offset, length, flags);
}

Task<> PreallocateStorage::truncate(uint64_t size, Preallocation preallocation) {
  // Bytes between the old end and the new one must read as zeroes: what is reserved does.
  if (size > reserved_ || size < end_ || preallocation != Preallocation::off) {
    CO_TRY(co_await inner_->truncate(size, preallocation));
    reserved_ = size;
  }
  end_ = size;
  co_return {};
}

Task<> PreallocateStorage::close() {
  Result<void> cut;
  if (reserved_ > end_ && !read_only()) cut = co_await inner_->truncate(end_);
  const Result<void> closed = co_await inner_->close();
  CO_TRY(cut);
  co_return closed;
}

}  // namespace oxbow::storage
