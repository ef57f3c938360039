// Many blocks of one size at little cost: cut from large pieces of aligned memory.
#pragma once

#include <vector>

#include "base/buffer.h"

namespace oxbow {

/// Blocks go back to the pool, and their memory to the system with it. The pool must outlive
/// its blocks.
class BlockPool {
  struct GiveBack {
    BlockPool* pool;
    void operator()(std::byte* block) const { pool->free_.push_back(block); }
  };

 public:
  using Block = std::unique_ptr<std::byte[], GiveBack>;

  /// `block_size`: bytes; blocks are aligned to it, up to 4 KiB, where it is a power of two.
  explicit BlockPool(size_t block_size) : block_size_(block_size) {}

  /// Uninitialised; out_of_memory where the allocator says no.
  Result<Block> take() {
    if (free_.empty()) TRY(add_piece());
    Block block(free_.back(), GiveBack{this});
    free_.pop_back();
    return block;
  }

 private:
  static constexpr size_t piece_size = 128 << 10;

  Result<void> add_piece() {
    const size_t count = std::max<size_t>(piece_size / block_size_, 1);
    TRY_ASSIGN(Buffer piece, Buffer::allocate(count * block_size_));
    free_.reserve((pieces_.size() + 1) * count);  // giving back never allocates
    for (size_t i = count; i-- > 0;) free_.push_back(piece.data() + i * block_size_);
    pieces_.push_back(std::move(piece));
    return {};
  }

  size_t block_size_;
  std::vector<Buffer> pieces_;
  std::vector<std::byte*> free_;
};

}  // namespace oxbow
