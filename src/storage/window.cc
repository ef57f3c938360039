#include "storage/window.h"

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"

namespace oxbow::storage {

Result<void> WindowStorage::check(const Storage& inner, uint64_t offset,
                                  std::optional<uint64_t> size) {
  const uint64_t whole = inner.size();
  const auto number = [](uint64_t value) { return std::to_string(value); };
  if (offset > whole) {
    return fail(ErrorKind::invalid_argument, "Offset (" + number(offset) +
                                                 ") cannot be greater than size of the containing "
                                                 "file (" +
                                                 number(whole) + ")");
  }
  if (size && *size > whole - offset) {
    return fail(ErrorKind::invalid_argument,
                "The sum of offset (" + number(offset) + ") and size (" + number(*size) +
                    ") has to be smaller or equal to the  actual size of the containing file (" +
                    number(whole) + ")");
  }
  constexpr uint64_t sector = 512;
  if (size && !is_aligned(*size, sector)) {
    return fail(ErrorKind::invalid_argument, "Specified size is not multiple of 512");
  }
  return {};
}

Result<std::unique_ptr<Storage>> WindowStorage::create(std::unique_ptr<Storage> inner,
                                                       uint64_t offset,
                                                       std::optional<uint64_t> size) {
  TRY(check(*inner, offset, size));
  return std::unique_ptr<Storage>(new WindowStorage(std::move(inner), offset, size));
}

uint64_t WindowStorage::size() const {
  if (fixed_size_) return *fixed_size_;
  return inner_->size() - std::min(offset_, inner_->size());
}

Limits WindowStorage::limits() const {
  Limits limits = inner_->limits();
  // Copies inside the kernel know nothing of windows.
  limits.can_copy = false;
  while (!is_aligned(offset_, limits.request_alignment)) limits.request_alignment /= 2;
  return limits;
}

Result<void> WindowStorage::check_inside(uint64_t offset, uint64_t length) const {
  if (length <= UINT64_MAX - offset_ - offset &&
      (!fixed_size_ || (offset <= *fixed_size_ && length <= *fixed_size_ - offset))) {
    return {};
  }
  return fail(ErrorKind::no_space,
              "'" + filename() + "' at offset " + std::to_string(offset) +
                  ": the request lies beyond the part that is in use",
              ENOSPC);
}

Task<> WindowStorage::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  const uint64_t inside =
      fixed_size_ ? std::min(length, *fixed_size_ - std::min(offset, *fixed_size_)) : length;
  if (inside == length) co_return co_await inner_->read(offset_ + offset, into);
  const std::vector<iovec> beyond = io_subvector(into, inside, length - inside);
  io_fill_zero(beyond);
  if (inside == 0) co_return {};
  const std::vector<iovec> part = io_subvector(into, 0, inside);
  co_return co_await inner_->read(offset_ + offset, part);
}

Task<> WindowStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  CO_TRY(check_inside(offset, io_length(from)));
  co_return co_await inner_->write(offset_ + offset, from, flags);
}

Task<> WindowStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  CO_TRY(check_inside(offset, length));
  co_return co_await inner_->write_zeroes(offset_ + offset, length, flags);
}

Task<> WindowStorage::discard(uint64_t offset, uint64_t length) {
  CO_TRY(check_inside(offset, length));
  co_return co_await inner_->discard(offset_ + offset, length);
}

Task<> WindowStorage::truncate(uint64_t size, Preallocation preallocation) {
  if (fixed_size_) {
    co_return fail(ErrorKind::unsupported, "Cannot resize fixed-size raw disks", ENOTSUP);
  }
  if (size > UINT64_MAX - offset_) {
    co_return fail(ErrorKind::invalid_argument, "Disk size too large for the chosen offset",
                   EINVAL);
  }
  co_return co_await inner_->truncate(offset_ + size, preallocation);
}

Task<Status> WindowStorage::status(uint64_t offset, uint64_t length) {
  const uint64_t end = size();
  length = std::min(length, end - std::min(offset, end));
  if (length == 0) {
    co_return fail(ErrorKind::invalid_argument,
                   "No status of '" + filename() + "' at offset " + std::to_string(offset));
  }
  co_return co_await inner_->status(offset_ + offset, length);
}

}  // namespace oxbow::storage
