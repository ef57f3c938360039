// Holding requests back until the limits of a group let them through. Leaky buckets: each request
// fills what it counts for, time empties them at the average rate, and a request waits while a
// bucket is over full.
#pragma once

#include <oxbow/throttle.h>

#include <array>
#include <chrono>

#include "async/sync.h"
#include "async/task.h"

namespace oxbow::graph {

/// One limit and what is in its bucket.
class LeakyBucket {
 public:
  explicit LeakyBucket(const ThrottleLimit& limit) : limit_(limit) {}

  void leak(double seconds);
  void fill(double units);
  /// Seconds until a request may pass; 0: now.
  [[nodiscard]] double wait() const;

 private:
  ThrottleLimit limit_;
  double level_ = 0;
  double burst_level_ = 0;  // of the rate during a burst longer than a second
};

}  // namespace oxbow::graph

namespace oxbow {

struct ThrottleGroup::State {
  explicit State(const ThrottleLimits& limits);

  /// Ends when a request of `length` bytes may begin; first come, first served, reads and writes
  /// apart.
  async::Task<> admit(bool is_write, uint64_t length);

 private:
  struct Counted {
    graph::LeakyBucket bytes;
    graph::LeakyBucket requests;
  };

  void pass_time();
  [[nodiscard]] double wait_for(bool is_write) const;
  void count(bool is_write, uint64_t length);

  Counted total_;
  std::array<Counted, 2> one_way_;  // reads, writes
  std::array<async::Mutex, 2> queue_;
  uint64_t iops_size_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace oxbow
