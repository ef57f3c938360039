#include "storage/copies.h"

#include <cerrno>

namespace oxbow::storage {

Task<> CopiesStorage::discard(uint64_t, uint64_t) { co_return {}; }

Task<> CopiesStorage::truncate(uint64_t, Preallocation) {
  co_return fail(ErrorKind::unsupported, "Image format driver does not support resize", ENOTSUP);
}

Task<> CopiesStorage::close() {
  Result<void> first;
  for (const auto& child : children_) {
    const Result<void> closed = co_await child->close();
    if (first && !closed) first = closed;
  }
  co_return first;
}

}  // namespace oxbow::storage
