// Free lists of coroutine frames. The lists are plain thread-local data without a
// constructor, so reaching them costs no guard; a second object frees them at thread end.
#include "async/frame_pool.h"

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define OXBOW_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OXBOW_ADDRESS_SANITIZER 1
#endif
#endif

// A cached block is as good as freed: asan reports its use. The link in its first bytes stays
// readable, or lsan would lose track of the blocks behind it.
#ifdef OXBOW_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(0))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(0))
#endif

namespace oxbow::async::frame_pool {
namespace {

constexpr std::size_t class_bytes = 64;
constexpr std::size_t classes = 32;  // larger frames go to the allocator
constexpr std::uint32_t most_cached = 256;

struct Block {
  Block* next;
};

struct Lists {
  Block* head[classes];
  std::uint32_t cached[classes];
  long live;
  bool keeper_made;
  bool thread_ending;
};

constinit thread_local Lists lists{};

struct Keeper {
  Keeper() { lists.keeper_made = true; }
  ~Keeper() {
    lists.thread_ending = true;
    trim();
  }
};

std::size_t class_of(std::size_t size) { return (size - 1) / class_bytes; }

void ensure_keeper() {
  if (lists.keeper_made) return;
  static thread_local Keeper keeper;
  (void)keeper;
}

}  // namespace

void* allocate(std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  void* block = nullptr;
  if (index < classes) {
    if (Block* cached = lists.head[index]) {
      ASAN_UNPOISON_MEMORY_REGION(cached, (index + 1) * class_bytes);
      lists.head[index] = cached->next;
      --lists.cached[index];
      ++lists.live;
      return cached;
    }
    block = ::operator new((index + 1) * class_bytes, std::nothrow);
  } else {
    block = ::operator new(size, std::nothrow);
  }
  if (block != nullptr) ++lists.live;
  return block;
}

void release(void* block, std::size_t size) noexcept {
  --lists.live;
  const std::size_t index = class_of(size);
  if (index >= classes || lists.cached[index] >= most_cached || lists.thread_ending) {
    ::operator delete(block);
    return;
  }
  ensure_keeper();
  Block* cached = ::new (block) Block{lists.head[index]};
  lists.head[index] = cached;
  ++lists.cached[index];
  ASAN_POISON_MEMORY_REGION(cached + 1, (index + 1) * class_bytes - sizeof(Block));
}

long live() noexcept { return lists.live; }

void trim() noexcept {
  for (std::size_t index = 0; index < classes; ++index) {
    while (Block* cached = lists.head[index]) {
      ASAN_UNPOISON_MEMORY_REGION(cached, (index + 1) * class_bytes);
      lists.head[index] = cached->next;
      ::operator delete(cached);
    }
    lists.cached[index] = 0;
  }
}

}  // namespace oxbow::async::frame_pool
