#include "storage/crash.h"

#include <algorithm>

namespace oxbow::storage {

std::string CrashOperation::describe() const {
  switch (kind) {
    case Kind::write:
      return "write " + std::to_string(offset) + "+" + std::to_string(length) + (fua ? " fua" : "");
    case Kind::zero: return "zero " + std::to_string(offset) + "+" + std::to_string(length);
    case Kind::truncate: return "truncate " + std::to_string(offset);
  }
  return {};
}

void CrashOperation::apply_to(SparseBytes& bytes) const {
  switch (kind) {
    case Kind::write: {
      const iovec part = io_slice(std::span(*data));
      bytes.write(offset, IoSpan(&part, 1));
      break;
    }
    case Kind::zero: bytes.zero(offset, length); break;
    case Kind::truncate: bytes.resize(offset); break;
  }
}

CrashStorage::CrashStorage(SparseBytes start, std::string name)
    : name_(std::move(name)), now_(start) {
  log_.start = std::move(start);
}

Limits CrashStorage::limits() const { return {.fast_zeroes = true, .can_discard = true}; }

void CrashStorage::record(CrashOperation operation) {
  operation.apply_to(now_);
  log_.epochs.back().push_back(std::move(operation));
}

Task<> CrashStorage::read(uint64_t offset, IoSpan into) {
  now_.read(offset, into);
  co_return {};
}

Task<> CrashStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  const uint64_t length = io_length(from);
  if (length == 0) co_return {};
  auto data = std::make_shared<std::vector<std::byte>>(length);
  io_copy_to(from, *data);
  CrashOperation operation;
  operation.offset = offset;
  operation.length = length;
  operation.data = std::move(data);
  operation.fua = flags.fua;
  record(std::move(operation));
  co_return {};
}

Task<> CrashStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  if (length == 0) co_return {};
  CrashOperation operation;
  operation.kind = CrashOperation::Kind::zero;
  operation.offset = offset;
  operation.length = length;
  operation.fua = flags.fua;
  record(std::move(operation));
  co_return {};
}

Task<> CrashStorage::discard(uint64_t offset, uint64_t length) {
  if (offset >= size()) co_return {};
  length = std::min(length, size() - offset);
  co_return co_await write_zeroes(offset, length, {});
}

Task<> CrashStorage::flush() {
  log_.epochs.emplace_back();
  co_return {};
}

Task<> CrashStorage::truncate(uint64_t size, Preallocation) {
  CrashOperation operation;
  operation.kind = CrashOperation::Kind::truncate;
  operation.offset = size;
  record(std::move(operation));
  co_return {};
}

Task<Status> CrashStorage::status(uint64_t offset, uint64_t length) {
  if (offset >= size() || length == 0) {
    co_return fail(ErrorKind::invalid_argument,
                   "No status of '" + name_ + "' at offset " + std::to_string(offset));
  }
  const SparseBytes::Extent extent = now_.extent(offset, std::min(length, size() - offset));
  co_return Status{extent.length, extent.stored, !extent.stored};
}

Task<> CrashStorage::close() { co_return {}; }

}  // namespace oxbow::storage
