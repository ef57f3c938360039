#include "graph/node_storage.h"

#include <algorithm>

namespace oxbow::graph {

// A store grows by what is written to it; an image is made longer first.
Task<> NodeStorage::reach(uint64_t end) {
  if (end <= size()) co_return {};
  co_return co_await node_->resize(end, storage::Preallocation::off, false);
}

Task<> NodeStorage::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  const uint64_t inside = std::min(length, size() - std::min(offset, size()));
  if (inside == length) co_return co_await node_->read(offset, into);
  const std::vector<iovec> beyond = io_subvector(into, inside, length - inside);
  io_fill_zero(beyond);
  if (inside == 0) co_return {};
  const std::vector<iovec> part = io_subvector(into, 0, inside);
  co_return co_await node_->read(offset, part);
}

Task<storage::Status> NodeStorage::status(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const NodeStatus found, co_await node_->status(offset, length));
  storage::Status out;
  out.length = found.length;
  out.zero = found.zero;
  out.data = !found.zero;
  co_return out;
}

Task<> NodeStorage::write(uint64_t offset, IoSpan from, storage::WriteFlags flags) {
  CO_TRY(co_await reach(offset + io_length(from)));
  WriteFlags out;
  out.fua = flags.fua;
  co_return co_await node_->write(offset, from, out);
}

Task<> NodeStorage::write_zeroes(uint64_t offset, uint64_t length, storage::ZeroFlags flags) {
  CO_TRY(co_await reach(offset + length));
  co_return co_await node_->write_zeroes(offset, length,
                                         {flags.may_unmap, flags.no_fallback, flags.fua});
}

Task<> NodeStorage::discard(uint64_t offset, uint64_t length) {
  if (offset >= size()) co_return {};
  co_return co_await node_->discard(offset, std::min(length, size() - offset));
}

Task<> NodeStorage::truncate(uint64_t size, storage::Preallocation preallocation) {
  return node_->resize(size, preallocation, true);
}

}  // namespace oxbow::graph
