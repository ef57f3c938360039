// Numbers as the disk has them: big- and little-endian loads and stores, powers of two.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace oxbow {

template <class T>
[[nodiscard]] inline T load_be(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  return value;
}

template <class T>
inline void store_be(void* to, T value) {
  const T swapped = load_be<T>(&value);
  std::memcpy(to, &swapped, sizeof swapped);
}

template <class T>
[[nodiscard]] inline T load_le(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  static_assert(std::endian::native == std::endian::little);
  return value;
}

template <class T>
inline void store_le(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// A table of 64-bit entries, one behind another.
inline void store_be_all(std::byte* to, std::span<const uint64_t> values) {
  for (size_t i = 0; i < values.size(); ++i) store_be(to + i * sizeof values[i], values[i]);
}

[[nodiscard]] constexpr uint64_t align_down(uint64_t value, uint64_t alignment) {
  return value - value % alignment;
}
/// The caller knows that the result fits in 64 bits.
[[nodiscard]] constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
  return align_down(value + alignment - 1, alignment);
}
[[nodiscard]] constexpr bool is_aligned(uint64_t value, uint64_t alignment) {
  return value % alignment == 0;
}
[[nodiscard]] constexpr uint64_t div_round_up(uint64_t value, uint64_t divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}

}  // namespace oxbow
