// Earlier occurrences of the bytes at a position, within the 4 KiB that readers of qcow2's
// deflate streams keep. Hash chains, searched as far as asked. All of it is inline: a position
// costs a few nanoseconds, and a call would be a good part of them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace oxbow::codec {

namespace detail {

// The lowest byte is the first in memory: hashes of three bytes cut the fourth off.
inline uint32_t load32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? value : __builtin_bswap32(value);
}

inline uint64_t load64(const std::byte* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? value : __builtin_bswap64(value);
}

inline uint32_t hash(uint32_t bytes, unsigned bits) { return (bytes * 0x9e3779b1U) >> (32 - bits); }

// How far two places agree, of which `known` bytes do for certain, up to `most`. Both have
// `most` bytes.
inline uint32_t common_length(const std::byte* a, const std::byte* b, uint32_t known,
                              uint32_t most) {
  while (known + 8 <= most) {
    const uint64_t differs = load64(a + known) ^ load64(b + known);
    if (differs != 0) return known + static_cast<uint32_t>(std::countr_zero(differs)) / 8;
    known += 8;
  }
  while (known < most && a[known] == b[known]) ++known;
  return known;
}

}  // namespace detail

struct Match {
  uint32_t length = 0;  ///< 0: none
  uint32_t distance = 0;
};

/// For one buffer at a time, its positions visited in order, none left out.
class MatchFinder {
 public:
  static constexpr uint32_t window = 4096;
  static constexpr uint32_t min_length = 3;
  static constexpr uint32_t max_length = 258;

  /// Forgets what was before. The buffer stays where it is until the next start().
  void start(std::span<const std::byte> bytes);

  /// The longest match at `position` that is longer than `shorter`, after at most `tries`
  /// candidates; one of `nice` bytes is long enough. Visits the position.
  Match find(uint32_t position, uint32_t shorter, uint32_t nice, uint32_t tries);
  /// Visits the position without a search.
  void skip(uint32_t position);

 private:
  static constexpr unsigned hash4_bits = 14;
  static constexpr unsigned hash3_bits = 12;

  [[nodiscard]] uint32_t distance_to(uint32_t position, uint16_t earlier) const {
    return static_cast<uint16_t>(static_cast<uint16_t>(position) - earlier);
  }

  const std::byte* bytes_ = nullptr;
  uint32_t size_ = 0;
  // The last position of each hash, and of each position the one before it with the same hash;
  // positions by their lowest 16 bits. A stale one is told by its bytes.
  std::array<uint16_t, size_t{1} << hash4_bits> heads4_;
  std::array<uint16_t, size_t{1} << hash3_bits> heads3_;
  std::array<uint16_t, window> before_;
};

inline void MatchFinder::start(std::span<const std::byte> bytes) {
  bytes_ = bytes.data();
  size_ = static_cast<uint32_t>(bytes.size());
  heads4_.fill(0);
  heads3_.fill(0);
  before_.fill(0);
}

[[gnu::always_inline]] inline void MatchFinder::skip(uint32_t position) {
  if (position + 4 > size_) return;
  const uint32_t four = detail::load32(bytes_ + position);
  uint16_t& head4 = heads4_[detail::hash(four, hash4_bits)];
  before_[position % window] = head4;
  head4 = static_cast<uint16_t>(position);
  heads3_[detail::hash(four << 8, hash3_bits)] = static_cast<uint16_t>(position);
}

[[gnu::always_inline]] inline Match MatchFinder::find(uint32_t position, uint32_t shorter,
                                                      uint32_t nice, uint32_t tries) {
  Match best;
  if (position + 4 > size_) return best;
  const std::byte* here = bytes_ + position;
  const uint32_t most = std::min(max_length, size_ - position);
  const uint32_t farthest = std::min(position, window);
  const uint32_t four = detail::load32(here);
  uint16_t& head4 = heads4_[detail::hash(four, hash4_bits)];
  uint16_t& head3 = heads3_[detail::hash(four << 8, hash3_bits)];
  const uint32_t near = distance_to(position, head3);
  uint16_t earlier = head4;
  before_[position % window] = earlier;
  head4 = head3 = static_cast<uint16_t>(position);

  uint32_t length = std::max(shorter, min_length - 1);
  if (length < min_length && near - 1 < farthest &&
      ((detail::load32(here - near) ^ four) << 8) == 0) {
    best = {min_length, near};
    length = min_length;
  }
  uint32_t last = 0;
  for (; tries != 0 && length < most; --tries) {
    const uint32_t distance = distance_to(position, earlier);
    // Distances grow along a chain; one that does not has run into what was overwritten.
    if (distance <= last || distance > farthest) break;
    last = distance;
    const std::byte* there = here - distance;
    const uint32_t end = std::max(length, 3U) - 3;
    if (detail::load32(there + end) == detail::load32(here + end) &&
        detail::load32(there) == four) {
      const uint32_t found = detail::common_length(here, there, 4, most);
      if (found > length) {
        length = found;
        best = {found, distance};
        if (found >= nice) break;
      }
    }
    earlier = before_[(position - distance) % window];
  }
  return best;
}

}  // namespace oxbow::codec
