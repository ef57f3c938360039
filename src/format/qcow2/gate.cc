#include "format/qcow2/gate.h"

namespace oxbow::format::qcow2 {

Task<> Gate::write(Writes, uint64_t offset, IoSpan from) {
  unflushed_ = true;
  return file_->write(offset, from);
}

Task<> Gate::write_zeroes(Writes, uint64_t offset, uint64_t length, storage::ZeroFlags flags) {
  unflushed_ = true;
  return file_->write_zeroes(offset, length, flags);
}

Task<> Gate::discard(uint64_t offset, uint64_t length) {
  unflushed_ = true;
  return file_->discard(offset, length);
}

Task<> Gate::truncate(uint64_t size, storage::Preallocation preallocation) {
  unflushed_ = true;
  return file_->truncate(size, preallocation);
}

Task<> Gate::barrier() {
  if (!unflushed_) co_return {};
  // Cleared first: what is written while the flush is under way owes the next one.
  unflushed_ = false;
  Result<void> flushed = co_await file_->flush();
  if (!flushed) unflushed_ = true;
  co_return flushed;
}

}  // namespace oxbow::format::qcow2
