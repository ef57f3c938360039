#include "io_buffer.h"

#include <algorithm>
#include <cstring>

namespace oxbow::tools::io {
namespace {

constexpr size_t smallest = 64 << 10;
constexpr size_t largest_kept = 8 << 20;
constexpr size_t most_kept = 256;

}  // namespace

void IoBuffer::fill(uint8_t pattern) {
  if (pattern != pattern_ || filled_ < length_) {
    std::memset(bytes().data(), pattern, length_);
    filled_ = length_;
  }
  pattern_ = pattern;
}

Result<std::unique_ptr<IoBuffer>> BufferPool::take(size_t length) {
  if (!idle_.empty() && idle_.back()->memory_.size() - shift_ >= length) {
    std::unique_ptr<IoBuffer> buffer = std::move(idle_.back());
    idle_.pop_back();
    buffer->length_ = length;
    return buffer;
  }
  auto memory = Buffer::allocate((length <= 4096 ? 4096 : std::max(length, smallest)) + shift_);
  if (!memory) return std::unexpected(memory.error());
  auto buffer = std::make_unique<IoBuffer>();
  buffer->memory_ = std::move(*memory);
  buffer->shift_ = shift_;
  buffer->length_ = length;
  return buffer;
}

void BufferPool::give_back(std::unique_ptr<IoBuffer> buffer) {
  if (buffer->memory_.size() <= largest_kept && idle_.size() < most_kept) {
    idle_.push_back(std::move(buffer));
  }
}

}  // namespace oxbow::tools::io
