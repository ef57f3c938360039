// Page-aligned memory for I/O, fit for O_DIRECT on any device.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace oxbow {

inline constexpr size_t io_buffer_alignment = 4096;

/// Uninitialised memory of a fixed size, aligned to 4 KiB; movable, freed at the end.
class Buffer {
 public:
  Buffer() = default;
  /// out_of_memory where the allocator says no.
  static Result<Buffer> allocate(size_t size) {
    Buffer buffer;
    if (size == 0) return buffer;
    void* memory = std::aligned_alloc(io_buffer_alignment, align_up(size, io_buffer_alignment));
    if (memory == nullptr) {
      return fail(ErrorKind::out_of_memory,
                  "Could not allocate a buffer of " + std::to_string(size) + " bytes");
    }
    buffer.memory_.reset(static_cast<std::byte*>(memory));
    buffer.size_ = size;
    return buffer;
  }
  static Result<Buffer> allocate_zeroed(size_t size) {
    auto buffer = allocate(size);
    if (buffer && size != 0) std::memset(buffer->data(), 0, size);
    return buffer;
  }

  [[nodiscard]] std::byte* data() { return memory_.get(); }
  [[nodiscard]] const std::byte* data() const { return memory_.get(); }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> span() { return {data(), size_}; }
  [[nodiscard]] std::span<const std::byte> span() const { return {data(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte[], Free> memory_;
  size_t size_ = 0;
};

}  // namespace oxbow
