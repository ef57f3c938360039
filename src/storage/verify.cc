#include "storage/verify.h"

#include <cerrno>
#include <vector>

#include "base/buffer.h"
#include "storage/io_mismatch.h"

namespace oxbow::storage {

Error VerifyStorage::differs(const char* verb, uint64_t offset, uint64_t length,
                             const std::string& what) const {
  std::string message = "blkverify: " + std::string(verb) + " offset=" + std::to_string(offset) +
                        " bytes=" + std::to_string(length) + " " + what;
  if (on_mismatch_) on_mismatch_(message);
  return {ErrorKind::io, std::move(message), EIO};
}

// Both must end the same way: with the same error, too.
Task<> VerifyStorage::agree(const char* verb, uint64_t offset, uint64_t length,
                            Result<void> by_trusted, Result<void> by_tested) const {
  const int left = by_tested ? 0 : -by_tested.error().as_errno();
  const int right = by_trusted ? 0 : -by_trusted.error().as_errno();
  if (left == right) co_return by_tested;
  co_return std::unexpected(
      differs(verb, offset, length,
              "return value mismatch " + std::to_string(left) + " != " + std::to_string(right)));
}

Task<> VerifyStorage::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  CO_TRY_ASSIGN(Buffer copy, Buffer::allocate(length));
  const iovec part = io_slice(copy.span());
  const Result<void> by_tested = co_await tested().read(offset, into);
  const Result<void> by_trusted = co_await trusted().read(offset, IoSpan(&part, 1));
  CO_TRY(co_await agree("read", offset, length, by_trusted, by_tested));
  size_t done = 0;
  for (const iovec& piece : into) {
    const std::span bytes(static_cast<const std::byte*>(piece.iov_base), piece.iov_len);
    const auto at = first_mismatch(bytes, copy.span().subspan(done, bytes.size()));
    if (at) {
      co_return std::unexpected(
          differs("read", offset, length,
                  "contents mismatch at offset " + std::to_string(offset + done + *at)));
    }
    done += bytes.size();
  }
  co_return {};
}

Task<Status> VerifyStorage::status(uint64_t offset, uint64_t length) {
  return trusted().status(offset, length);
}

Task<> VerifyStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  const Result<void> by_tested = co_await tested().write(offset, from, flags);
  const Result<void> by_trusted = co_await trusted().write(offset, from, flags);
  co_return co_await agree("write", offset, io_length(from), by_trusted, by_tested);
}

Task<> VerifyStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  const Result<void> by_tested = co_await tested().write_zeroes(offset, length, flags);
  const Result<void> by_trusted = co_await trusted().write_zeroes(offset, length, flags);
  co_return co_await agree("write", offset, length, by_trusted, by_tested);
}

Task<> VerifyStorage::flush() { return tested().flush(); }

}  // namespace oxbow::storage
