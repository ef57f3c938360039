// Lets the allocation of coroutine frames fail.
#pragma once

namespace oxbow::async {

/// While it lives, this thread's frame pool gets `countdown` more blocks from the system
/// and no more. The cache is emptied first, so that the count means something.
class AllocationFailure {
 public:
  explicit AllocationFailure(long countdown);
  ~AllocationFailure();
  AllocationFailure(const AllocationFailure&) = delete;
  AllocationFailure& operator=(const AllocationFailure&) = delete;

  /// Nothing is left to give.
  [[nodiscard]] bool exhausted() const;
};

}  // namespace oxbow::async
