// Timers of a loop, earliest first. The nodes live in the waiting frames.
#pragma once

#include <cstddef>
#include <vector>

#include "async/backend.h"

namespace oxbow::async {

struct TimerNode {
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  Clock::time_point due;
  PromiseBase* waiter = nullptr;
  std::size_t position = nowhere;  ///< in the heap
};

/// A binary heap whose nodes know their places, so that any can be removed.
class TimerHeap {
 public:
  [[nodiscard]] bool empty() const { return nodes_.empty(); }
  [[nodiscard]] TimerNode& earliest() const { return *nodes_.front(); }
  void insert(TimerNode& node);
  /// Harmless when the node is nowhere.
  void remove(TimerNode& node);

 private:
  void place(TimerNode& node, std::size_t position);
  void sift_up(TimerNode& node, std::size_t position);
  void sift_down(TimerNode& node, std::size_t position);

  std::vector<TimerNode*> nodes_;
};

}  // namespace oxbow::async
