// Memory for requests: aligned for O_DIRECT (or misaligned on purpose), kept between commands,
// and filled with a pattern only where it does not hold it already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/buffer.h"

namespace oxbow::tools::io {

class IoBuffer {
 public:
  /// The `length` bytes of the request that has the buffer.
  [[nodiscard]] std::span<std::byte> bytes() { return {memory_.data() + shift_, length_}; }
  /// Sets all of bytes() to `pattern`.
  void fill(uint8_t pattern);
  /// To be called by whoever writes into bytes() a buffer that fill() has filled before.
  void forget_pattern() { filled_ = 0; }

 private:
  friend class BufferPool;
  Buffer memory_;
  size_t shift_ = 0;  // off the alignment
  size_t length_ = 0;
  size_t filled_ = 0;  // this many bytes from the start hold pattern_
  uint8_t pattern_ = 0;
};

class BufferPool {
 public:
  /// Every buffer begins this many bytes off its alignment.
  void set_shift(size_t shift) { shift_ = shift; }
  /// A buffer for `length` bytes, contents unknown; out_of_memory where there is none.
  Result<std::unique_ptr<IoBuffer>> take(size_t length);
  /// Keeps the buffer for later, unless it is large.
  void give_back(std::unique_ptr<IoBuffer> buffer);

 private:
  size_t shift_ = 0;
  std::vector<std::unique_ptr<IoBuffer>> idle_;
};

}  // namespace oxbow::tools::io
