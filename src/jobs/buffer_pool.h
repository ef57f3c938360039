// The buffers of a job: as many as it has requests under way, allocated when first needed
// and handed out again while they are still in the processor's cache.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/buffer.h"

namespace oxbow::jobs {

class BufferPool {
 public:
  explicit BufferPool(size_t buffer_size) : buffer_size_(buffer_size) {}

  /// A buffer that goes back to its pool, which must outlive it.
  class [[nodiscard]] Lease {
   public:
    Lease() = default;
    Lease(BufferPool& pool, Buffer buffer) : pool_(&pool), buffer_(std::move(buffer)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), buffer_(std::move(other.buffer_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(buffer_, other.buffer_);
      return *this;
    }
    ~Lease() {
      if (pool_ != nullptr) pool_->free_.push_back(std::move(buffer_));
    }
    [[nodiscard]] std::span<std::byte> span() { return buffer_.span(); }

   private:
    BufferPool* pool_ = nullptr;
    Buffer buffer_;
  };

  /// The buffer given back last, or a new one.
  Result<Lease> take() {
    if (free_.empty()) {
      TRY_ASSIGN(Buffer fresh, Buffer::allocate(buffer_size_));
      return Lease(*this, std::move(fresh));
    }
    Lease lease(*this, std::move(free_.back()));
    free_.pop_back();
    return lease;
  }

 private:
  size_t buffer_size_;
  std::vector<Buffer> free_;
};

}  // namespace oxbow::jobs
