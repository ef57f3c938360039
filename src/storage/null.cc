#include "storage/null.h"

#include <algorithm>
#include <cerrno>

#include "async/loop.h"

namespace oxbow::storage {

NullStorage::NullStorage(NullOptions options) : options_(std::move(options)) {
  if (options_.filename.empty()) options_.filename = options_.driver + "://";
}

Task<> NullStorage::pass_time() const {
  if (options_.latency.count() == 0) co_return {};
  co_return co_await async::Loop::current_thread().sleep_for(options_.latency);
}

Task<> NullStorage::read(uint64_t, IoSpan into) {
  if (options_.read_zeroes) io_fill_zero(into);
  return pass_time();
}

Task<> NullStorage::write(uint64_t, IoSpan, WriteFlags) { return pass_time(); }
Task<> NullStorage::write_zeroes(uint64_t, uint64_t, ZeroFlags) { return pass_time(); }
Task<> NullStorage::discard(uint64_t, uint64_t) { return pass_time(); }
Task<> NullStorage::flush() { return pass_time(); }

Task<> NullStorage::truncate(uint64_t, Preallocation) {
  co_return fail(ErrorKind::unsupported, "Image format driver does not support resize", ENOTSUP);
}

Task<Status> NullStorage::status(uint64_t offset, uint64_t length) {
  if (offset >= size() || length == 0) {
    co_return fail(ErrorKind::invalid_argument,
                   "No status of '" + filename() + "' at offset " + std::to_string(offset));
  }
  co_return Status{std::min(length, size() - offset), false, options_.read_zeroes};
}

Task<> NullStorage::close() { co_return {}; }

}  // namespace oxbow::storage
