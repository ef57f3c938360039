// CRC-32C (Castagnoli), as VHDX and others use it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace oxbow {

namespace detail {

consteval std::array<uint32_t, 256> crc32c_table() {
  constexpr uint32_t polynomial = 0x82f63b78;  // bits reversed
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
    table[byte] = value;
  }
  return table;
}

}  // namespace detail

[[nodiscard]] inline uint32_t crc32c(std::span<const std::byte> bytes) {
  static constexpr std::array<uint32_t, 256> table = detail::crc32c_table();
  uint32_t value = UINT32_MAX;
  for (const std::byte byte : bytes) {
    value = table[(value ^ std::to_integer<uint32_t>(byte)) & 0xff] ^ (value >> 8);
  }
  return ~value;
}

}  // namespace oxbow
