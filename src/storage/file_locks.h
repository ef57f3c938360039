// Locks on image files as the stock tools take them, so that each honours the other's:
// shared OFD locks on single bytes, two for each permission P (numbered 0 to 3 below).
// Byte 100 + P is locked by who uses P, byte 200 + P by who does not let others use it.
// A conflict is found by asking who else holds the opposite byte.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace oxbow::storage {

/// Permissions as bits; the bit's number is the offset of the lock byte.
namespace permission {
inline constexpr uint8_t consistent_read = 1 << 0;
inline constexpr uint8_t write = 1 << 1;
inline constexpr uint8_t resize = 1 << 3;
}  // namespace permission

struct LockSet {
  uint8_t used = 0;      ///< permissions this process uses
  uint8_t unshared = 0;  ///< permissions nobody else may use

  friend bool operator==(const LockSet&, const LockSet&) = default;
};

/// The locks of one open file description. They end with it at the latest.
class FileLocks {
 public:
  /// `filename` is for messages.
  FileLocks(int fd, std::string filename) : fd_(fd), filename_(std::move(filename)) {}

  /// Takes what is missing for `wanted` and gives back what it lacks. `busy` when
  /// somebody holds an opposite byte: then the set is as it was before.
  Result<void> change(LockSet wanted);
  [[nodiscard]] LockSet held() const { return held_; }

 private:
  Result<void> set_bytes(LockSet set, short type);
  Result<void> find_conflict(LockSet wanted) const;
  [[nodiscard]] Result<bool> held_by_others(int byte) const;

  int fd_;
  std::string filename_;
  LockSet held_;
};

/// Whether the kernel and the file system of `fd` have such locks.
bool can_lock(int fd);

}  // namespace oxbow::storage
