// Memory of coroutine frames: per-thread free lists by size class, so that a hot
// path that awaits the same tasks again and again does not reach malloc.
#pragma once

#include <cstddef>

namespace oxbow::async::frame_pool {

/// A block of at least `size` bytes, aligned as by operator new; null when memory is short.
[[nodiscard]] void* allocate(std::size_t size) noexcept;
/// Gives a block back, with the size it was asked with; any thread may do it.
void release(void* block, std::size_t size) noexcept;

/// Blocks allocated minus blocks released on this thread: what tests hold against leaks.
[[nodiscard]] long live() noexcept;
/// Returns this thread's cached blocks to the allocator.
void trim() noexcept;

}  // namespace oxbow::async::frame_pool
