// Bits into bytes, lowest first, as deflate packs them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace oxbow::codec {

/// Writes into a buffer of which the last 8 bytes may be scratch: put() stores whole words, and
/// the caller makes sure, by a bound known before, that the bits fit.
class BitWriter {
 public:
  explicit BitWriter(std::span<std::byte> out) : at_(out.data()), begin_(out.data()) {}

  /// At most 56 bits between two calls of flush().
  void put(uint64_t bits, unsigned count) {
    pending_ |= bits << filled_;
    filled_ += count;
  }
  /// Stores whole bytes; at most 7 bits stay pending.
  void flush() {
    const uint64_t word =
        std::endian::native == std::endian::little ? pending_ : __builtin_bswap64(pending_);
    std::memcpy(at_, &word, sizeof word);
    at_ += filled_ / 8;
    pending_ >>= filled_ & ~7U;
    filled_ %= 8;
  }
  /// Pads to a whole byte with zero bits.
  void align() {
    filled_ = (filled_ + 7) & ~7U;
    flush();
  }
  /// Whole bytes; to an aligned place.
  void append(std::span<const std::byte> bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  /// Pads the last byte with zero bits and gives the bytes written in all.
  size_t finish() {
    align();
    return static_cast<size_t>(at_ - begin_);
  }

 private:
  std::byte* at_;
  std::byte* begin_;
  uint64_t pending_ = 0;
  unsigned filled_ = 0;
};

}  // namespace oxbow::codec
