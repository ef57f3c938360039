// The nothrow operator new of this executable, which only the frame pool uses.
#include "allocation_failure.h"

#include <new>

#include "async/frame_pool.h"

namespace {

constexpr long never = -1;
thread_local long left = never;

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (left == 0) return nullptr;
  if (left > 0) --left;
  try {
    return ::operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

namespace oxbow::async {

AllocationFailure::AllocationFailure(long countdown) {
  frame_pool::trim();
  left = countdown;
}

AllocationFailure::~AllocationFailure() { left = never; }

bool AllocationFailure::exhausted() const { return left == 0; }

}  // namespace oxbow::async
