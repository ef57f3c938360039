#include "storage/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "storage/file_storage.h"

namespace oxbow::storage {
namespace {

IoSpan one_call(IoSpan vector) { return vector.first(std::min<size_t>(vector.size(), IOV_MAX)); }

}  // namespace

FileStorage::FileStorage(FileOptions options, Descriptor fd, uint64_t size, bool device)
    : options_(std::move(options)),
      fd_(std::move(fd)),
      size_(size),
      written_end_(size),
      locks_(fd_.get(), options_.path),
      device_(device) {}

Limits FileStorage::limits() const {
  return {.fast_zeroes = can_zero_range_ && !device_,
          .can_discard = options_.discard_unmap && can_punch_,
          .can_copy = !device_};
}

Result<uint64_t> FileStorage::allocated_bytes() const {
  struct stat facts;
  if (::fstat(fd(), &facts) != 0) {
    return std::unexpected(Error::from_errno(errno, "Could not query '" + filename() + "'"));
  }
  constexpr uint64_t unit_of_st_blocks = 512;
  return static_cast<uint64_t>(facts.st_blocks) * unit_of_st_blocks;
}

bool FileStorage::durable(bool fua) const {
  switch (options_.cache) {
    case CacheMode::writethrough:
    case CacheMode::directsync: return true;
    case CacheMode::unsafe: return false;
    default: return fua;
  }
}

Error FileStorage::io_error(Error error, const char* verb, uint64_t offset) const {
  if (error.os_error() == 0 || error.kind() == ErrorKind::cancelled) return error;
  return Error::from_errno(error.os_error(), std::string("Could not ") + verb + " '" + filename() +
                                                 "' at offset " + std::to_string(offset));
}

Result<void> FileStorage::check_writable() const {
  if (options_.writable) return {};
  return fail(ErrorKind::read_only, "'" + filename() + "' is open for reading only", EBADF);
}

Result<void> FileStorage::finish_short_read(IoSpan into, uint64_t length, uint64_t end,
                                            uint64_t done) const {
  if (end < size_) {
    return fail(ErrorKind::io,
                "Could not read '" + filename() + "' at offset " + std::to_string(end) +
                    ": the file ends here, it had " + std::to_string(size_) + " bytes",
                EIO);
  }
  const std::vector<iovec> beyond = io_subvector(into, done, length - done);
  io_fill_zero(beyond);
  return {};
}

void FileStorage::wrote(uint64_t offset, uint64_t length, bool stable) {
  if (length != 0) size_ = std::max(size_, offset + length);
  extents_.changed(offset, length);
  unflushed_ |= !stable;
}

bool FileStorage::worth_trying_cache(uint64_t offset, IoSpan into, uint64_t length) {
  if (!reads_without_waiting_) return false;
  if (bulk_ && bulk_->active() && bulk_->takes(offset, into)) return bulk_->cached(offset);
  // Now and then the loop gets its turn, however much there is in the cache.
  constexpr uint32_t reads_in_a_row = 64;
  return length <= async::inline_limit && ++cached_reads_ % reads_in_a_row != 0;
}

size_t FileStorage::read_cached(uint64_t offset, IoSpan into, uint64_t length) {
  if (!worth_trying_cache(offset, into, length)) return 0;
  const IoSpan part = one_call(into);
  const ssize_t got = ::preadv2(fd(), part.data(), static_cast<int>(part.size()),
                                static_cast<off_t>(offset), RWF_NOWAIT);
  if (got < 0 && errno == EOPNOTSUPP) reads_without_waiting_ = false;
  return got < 0 ? 0 : static_cast<size_t>(got);
}

void FileStorage::expect_bulk(bool on) {
  const bool direct_anyway =
      options_.cache == CacheMode::none || options_.cache == CacheMode::directsync;
  if (on && !bulk_ && !direct_anyway) bulk_ = FileBulk::open(fd(), options_.writable, size_);
  if (bulk_) bulk_->set_active(on);
}

int FileStorage::fd_for_read(uint64_t offset, IoSpan into) const {
  return bulk_ && bulk_->active() && bulk_->takes(offset, into) ? bulk_->fd() : fd();
}

int FileStorage::fd_for_write(uint64_t offset, IoSpan from) const {
  return bulk_ && bulk_->takes_write(offset, from) ? bulk_->fd() : fd();
}

bool FileStorage::refused_direct(int used, const Error& error) {
  if (used == fd() || error.os_error() != EINVAL) return false;
  bulk_->give_up();
  return true;
}

Task<> FileStorage::read(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  uint64_t done = read_cached(offset, into, length);
  std::vector<iovec> rest;
  while (done < length) {
    IoSpan part = into;
    if (done != 0) {
      rest = io_subvector(into, done, length - done);
      part = rest;
    }
    const int from = fd_for_read(offset + done, part);
    Result<size_t> got = co_await async::Loop::current_thread().read(
        from, one_call(part), offset + done,
        reads_without_waiting_ ? async::Inline::no : async::Inline::yes);
    if (!got && refused_direct(from, got.error())) continue;
    if (!got) co_return std::unexpected(io_error(std::move(got).error(), "read", offset + done));
    if (*got == 0) co_return finish_short_read(into, length, offset + done, done);
    done += *got;
  }
  co_return {};
}

Task<> FileStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  CO_TRY(check_writable());
  const uint64_t length = io_length(from);
  const bool stable = durable(flags.fua);
  writing_up_to(offset + length);
  uint64_t done = 0;
  std::vector<iovec> rest;
  while (done < length) {
    IoSpan part = from;
    if (done != 0) {
      rest = io_subvector(from, done, length - done);
      part = rest;
    }
    const int into = fd_for_write(offset + done, part);
    if (into != fd()) bulk_->write_begins();
    Result<size_t> put = co_await async::Loop::current_thread().write(
        into, one_call(part), offset + done, stable ? RWF_DSYNC : 0,
        stable ? async::Inline::no : async::Inline::yes);
    if (into != fd()) bulk_->write_ended(put.value_or(0));
    if (!put && refused_direct(into, put.error())) continue;
    if (put && *put == 0) put = std::unexpected(Error::from_errno(ENOSPC));
    if (!put) {
      wrote(offset, done, false);
      co_return std::unexpected(io_error(std::move(put).error(), "write", offset + done));
    }
    done += *put;
  }
  wrote(offset, length, stable);
  co_return {};
}

Task<> FileStorage::flush() {
  if (!options_.writable || options_.cache == CacheMode::unsafe) co_return {};
  if (flush_failure_) co_return std::unexpected(*flush_failure_);
  // Nothing to do, but only when no other flush has yet to end for what it covers.
  if (!unflushed_ && !flushing_.locked()) co_return {};
  const uint64_t number = ++flushes_asked_;
  CO_TRY_ASSIGN(const auto turn, co_await flushing_.lock());
  if (flush_failure_) co_return std::unexpected(*flush_failure_);
  if (flushes_answered_ >= number || !unflushed_) co_return {};
  const uint64_t answers = flushes_asked_;
  unflushed_ = false;
  const bool data_only = true;
  Result<void> flushed = co_await async::Loop::current_thread().fsync(fd(), data_only);
  if (flushed) {
    flushes_answered_ = answers;
    co_return {};
  }
  if (flushed.error().kind() == ErrorKind::cancelled) {
    unflushed_ = true;
    co_return flushed;
  }
  flush_failure_ =
      Error::from_errno(flushed.error().as_errno(), "Could not flush '" + filename() + "'");
  co_return std::unexpected(*flush_failure_);
}

Task<Status> FileStorage::status(uint64_t offset, uint64_t length) {
  length = std::min(length, size_ - std::min(offset, size_));
  if (length == 0) {
    co_return fail(ErrorKind::invalid_argument,
                   "No status of '" + filename() + "' at offset " + std::to_string(offset));
  }
  if (device_) co_return Status{length, true, false};
  const FileExtents::Extent extent = extents_.find(fd(), offset);
  co_return Status{std::min(length, extent.end - offset), extent.data, !extent.data};
}

Task<> FileStorage::copy_from(Source& source, uint64_t source_offset, uint64_t offset,
                              uint64_t length) {
  CO_TRY(check_writable());
  auto* file = dynamic_cast<FileStorage*>(&source);
  if (file == nullptr || device_ || file->device_ || source_offset + length > file->size_) {
    co_return fail(ErrorKind::unsupported, "'" + filename() + "' cannot copy this range");
  }
  const int from = file->fd();
  const int into = fd();
  auto copy = [=]() -> Result<void> {
    auto from_offset = static_cast<off64_t>(source_offset);
    auto into_offset = static_cast<off64_t>(offset);
    for (uint64_t left = length; left != 0;) {
      const ssize_t copied = ::copy_file_range(from, &from_offset, into, &into_offset, left, 0);
      if (copied < 0 && errno == EINTR) continue;
      if (copied < 0) return std::unexpected(Error::from_errno(errno));
      if (copied == 0) return std::unexpected(Error::from_errno(EINVAL));
      left -= static_cast<uint64_t>(copied);
    }
    return {};
  };
  writing_up_to(offset + length);
  Result<void> copied = co_await async::Loop::current_thread().offload(copy);
  extents_.changed(offset, length);  // even a failed copy may have begun
  wrote(offset, copied ? length : 0, false);
  if (copied && durable(false)) co_return co_await flush();
  if (copied) co_return {};
  switch (copied.error().os_error()) {
    case EXDEV:
    case EOPNOTSUPP:
    case EINVAL:
    case ENOSYS:
    case EPERM:
    case ETXTBSY:
      co_return fail(ErrorKind::unsupported, "'" + filename() + "' cannot copy this range");
    default: co_return std::unexpected(io_error(std::move(copied).error(), "copy to", offset));
  }
}

Task<> FileStorage::close() {
  Result<void> done;
  if (unflushed_) done = co_await flush();
  bulk_.reset();
  // The kernel may hold the file for requests that have ended longer than we do.
  (void)locks_.change({});
  const int closing = fd_.release();
  // EINTR: the descriptor is gone all the same on Linux.
  if (::close(closing) != 0 && errno != EINTR && done) {
    done = std::unexpected(Error::from_errno(errno, "Could not close '" + filename() + "'"));
  }
  co_return done;
}

LockSet FileStorage::locks_for(Sharing sharing) const {
  LockSet set = {.used = permission::consistent_read};
  if (options_.force_share) return set;
  if (options_.writable) set.used |= permission::write;
  if (sharing == Sharing::write && !options_.resized_here_only) return set;
  if (options_.writable) set.used |= permission::resize;
  set.unshared = permission::resize;
  if (sharing == Sharing::read) set.unshared |= permission::write;
  return set;
}

Result<void> FileStorage::set_sharing(Sharing sharing) {
  // The stock tools say first what others may not do, and are refused by that.
  if (options_.resized_here_only && !options_.force_share) {
    TRY(lock({.used = permission::consistent_read, .unshared = permission::resize}));
  }
  TRY(lock(locks_for(sharing)));
  options_.sharing = sharing;
  return {};
}

Result<void> FileStorage::lock(LockSet set) {
  if (options_.locking == Locking::off || !lockable_) return {};
  if (!can_lock(fd())) {
    if (options_.locking == Locking::on) {
      return fail(ErrorKind::unsupported, "Could not lock '" + filename() +
                                              "': the file system has no open file description "
                                              "locks");
    }
    lockable_ = false;
    return {};
  }
  // The locks of a process that was killed end with its last request, a moment after itself.
  constexpr auto patience = std::chrono::milliseconds(10);
  constexpr int attempts = 10;
  Result<void> done = locks_.change(set);
  for (int i = 0; i < attempts && !done && done.error().kind() == ErrorKind::busy; ++i) {
    std::this_thread::sleep_for(patience);
    done = locks_.change(set);
  }
  return done;
}

}  // namespace oxbow::storage
