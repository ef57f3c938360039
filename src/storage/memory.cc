#include "storage/memory.h"

#include <algorithm>
#include <cerrno>

namespace oxbow::storage {

MemoryStorage::MemoryStorage(uint64_t size, std::string name) : name_(std::move(name)) {
  bytes_.resize(size);
}

MemoryStorage::MemoryStorage(SparseBytes bytes, std::string name)
    : name_(std::move(name)), bytes_(std::move(bytes)) {}

Limits MemoryStorage::limits() const { return {.fast_zeroes = true, .can_discard = true}; }

Result<void> MemoryStorage::check_writable() const {
  if (!read_only_) return {};
  return fail(ErrorKind::read_only, "'" + name_ + "' is open for reading only", EBADF);
}

Task<> MemoryStorage::read(uint64_t offset, IoSpan into) {
  bytes_.read(offset, into);
  co_return {};
}

Task<> MemoryStorage::write(uint64_t offset, IoSpan from, WriteFlags) {
  CO_TRY(check_writable());
  bytes_.write(offset, from);
  co_return {};
}

Task<> MemoryStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags) {
  CO_TRY(check_writable());
  bytes_.zero(offset, length);
  co_return {};
}

Task<> MemoryStorage::discard(uint64_t offset, uint64_t length) {
  CO_TRY(check_writable());
  if (offset < size()) bytes_.zero(offset, std::min(length, size() - offset));
  co_return {};
}

Task<> MemoryStorage::flush() { co_return {}; }

Task<> MemoryStorage::truncate(uint64_t size, Preallocation) {
  CO_TRY(check_writable());
  bytes_.resize(size);
  co_return {};
}

Task<Status> MemoryStorage::status(uint64_t offset, uint64_t length) {
  if (offset >= size() || length == 0) {
    co_return fail(ErrorKind::invalid_argument,
                   "No status of '" + name_ + "' at offset " + std::to_string(offset));
  }
  const SparseBytes::Extent extent = bytes_.extent(offset, std::min(length, size() - offset));
  co_return Status{extent.length, extent.stored, !extent.stored};
}

Task<> MemoryStorage::close() { co_return {}; }

}  // namespace oxbow::storage
