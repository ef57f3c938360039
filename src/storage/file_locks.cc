#include "storage/file_locks.h"

#include <fcntl.h>

#include <cerrno>

namespace oxbow::storage {
namespace {

constexpr int used_base = 100;
constexpr int unshared_base = 200;
constexpr int permission_count = 4;

const char* permission_name(int number) {
  static constexpr const char* names[permission_count] = {"consistent read", "write",
                                                          "write unchanged", "resize"};
  return names[number];
}

struct flock lock_of_byte(int byte, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

bool has(uint8_t set, int number) { return (set >> number & 1) != 0; }

Error conflict(const std::string& what, const std::string& filename) {
  return Error(ErrorKind::busy, "Failed to get " + what + " lock", EAGAIN)
      .with_hint("Is another process using the image [" + filename + "]?\n");
}

}  // namespace

bool can_lock(int fd) {
  struct flock lock = lock_of_byte(used_base, F_WRLCK);
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0;
}

Result<void> FileLocks::change(LockSet wanted) {
  if (wanted == held_) return {};
  const LockSet before = held_;
  const LockSet missing = {static_cast<uint8_t>(wanted.used & ~held_.used),
                           static_cast<uint8_t>(wanted.unshared & ~held_.unshared)};
  // First all claims, then the questions: of two processes that start together at
  // least one sees the other.
  Result<void> done = set_bytes(missing, F_RDLCK);
  if (done) done = find_conflict(wanted);
  if (!done) {
    (void)set_bytes(missing, F_UNLCK);
    held_ = before;
    return done;
  }
  const LockSet surplus = {static_cast<uint8_t>(held_.used & ~wanted.used),
                           static_cast<uint8_t>(held_.unshared & ~wanted.unshared)};
  held_ = wanted;
  return set_bytes(surplus, F_UNLCK);
}

Result<void> FileLocks::set_bytes(LockSet set, short type) {
  for (int byte = used_base; byte < unshared_base + permission_count; ++byte) {
    const bool upper = byte >= unshared_base;
    const int number = byte - (upper ? unshared_base : used_base);
    if (number >= permission_count || !has(upper ? set.unshared : set.used, number)) continue;
    struct flock lock = lock_of_byte(byte, type);
    if (::fcntl(fd_, F_OFD_SETLK, &lock) != 0) {
      return std::unexpected(
          Error(ErrorKind::busy, "Failed to lock byte " + std::to_string(byte), errno)
              .with_hint("Is another process using the image [" + filename_ + "]?\n"));
    }
  }
  return {};
}

Result<bool> FileLocks::held_by_others(int byte) const {
  struct flock lock = lock_of_byte(byte, F_WRLCK);
  if (::fcntl(fd_, F_OFD_GETLK, &lock) != 0) {
    return std::unexpected(
        Error::from_errno(errno, "Could not query the locks of '" + filename_ + "'"));
  }
  return lock.l_type != F_UNLCK;
}

Result<void> FileLocks::find_conflict(LockSet wanted) const {
  for (int number = 0; number < permission_count; ++number) {
    if (!has(wanted.used, number)) continue;
    TRY_ASSIGN(const bool refused, held_by_others(unshared_base + number));
    if (refused) {
      return std::unexpected(conflict('"' + std::string(permission_name(number)) + '"', filename_));
    }
  }
  for (int number = 0; number < permission_count; ++number) {
    if (!has(wanted.unshared, number)) continue;
    TRY_ASSIGN(const bool used, held_by_others(used_base + number));
    if (used) {
      return std::unexpected(
          conflict("shared \"" + std::string(permission_name(number)) + '"', filename_));
    }
  }
  return {};
}

}  // namespace oxbow::storage
