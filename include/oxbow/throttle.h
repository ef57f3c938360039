// Limits of I/O, for one image or for several that share them: the stock tools' object
// "throttle-group" and filter "throttle".
#pragma once

#include <oxbow/error.h>

#include <cstdint>
#include <memory>

namespace oxbow {

/// One limit: `average` a second for ever; up to `maximum` a second for `length` seconds after a
/// time of rest. 0: no limit.
struct ThrottleLimit {
  uint64_t average = 0;
  uint64_t maximum = 0;  ///< at least `average`; 0: a tenth of a second's worth at once
  uint64_t length = 1;   ///< seconds
};

/// Bytes and requests a second; a total excludes limits of reads and writes of the same kind.
struct ThrottleLimits {
  ThrottleLimit bps_total, bps_read, bps_write;
  ThrottleLimit iops_total, iops_read, iops_write;
  uint64_t iops_size = 0;  ///< a request counts as one for each so many bytes; 0: as one

  /// Errors (invalid_argument) have the stock tools' words.
  [[nodiscard]] Result<void> check() const;
};

/// What has been used of limits. Images that share one belong to one thread.
class ThrottleGroup {
 public:
  /// `limits` as check() takes them.
  explicit ThrottleGroup(const ThrottleLimits& limits);
  ~ThrottleGroup();
  ThrottleGroup(const ThrottleGroup&) = delete;
  ThrottleGroup& operator=(const ThrottleGroup&) = delete;

  struct State;
  /// For the other layers of the library.
  [[nodiscard]] State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace oxbow
