// Numbers of the VHDX format ([MS-VHDX], version 1). Little-endian.
//
//   0       file identifier (64 KiB), two headers and two region tables, 64 KiB each
//   1 MiB   log, block allocation table (BAT), metadata, blocks: each at a whole MiB
#pragma once

#include <cstdint>

#include "base/uuid.h"

namespace oxbow::format::vhdx {

inline constexpr uint64_t mib = 1 << 20;
inline constexpr uint64_t header_offsets[] = {64 << 10, 128 << 10};
inline constexpr uint64_t region_table_offsets[] = {192 << 10, 256 << 10};
inline constexpr size_t header_bytes = 4096;
inline constexpr size_t region_table_bytes = 64 << 10;
inline constexpr size_t metadata_table_bytes = 64 << 10;
inline constexpr uint32_t most_regions = 2047;
inline constexpr uint32_t most_metadata = 2047;
inline constexpr size_t entry_bytes = 32;  // of region and metadata tables

inline constexpr uint32_t sector = 512;
inline constexpr uint64_t max_size = uint64_t{64} << 40;
inline constexpr uint32_t min_block_size = 1 << 20;
inline constexpr uint32_t max_block_size = 256 << 20;
inline constexpr uint32_t log_sector = 4096;

/// Of a BAT entry: bits 0-2 say what the block is, bits 20-63 are the place in MiB.
enum class BlockState : uint8_t {
  not_present = 0,
  undefined = 1,
  zero = 2,
  unmapped = 3,
  unmapped_old = 5,
  fully_present = 6,
  partially_present = 7,
};
inline constexpr uint64_t state_mask = 7;
inline constexpr uint64_t offset_mask = ~uint64_t{0xfffff};

/// In the BAT an entry for a bitmap follows every so many blocks.
[[nodiscard]] constexpr uint64_t chunk_ratio(uint32_t block_size) {
  return (uint64_t{1} << 23) * sector / block_size;
}

inline constexpr uint32_t file_leaves_blocks_allocated = 1;
inline constexpr uint32_t file_has_parent = 2;

// As they are stored: the first three groups have the lowest byte first.
consteval Uuid guid(uint32_t a, uint16_t b, uint16_t c, uint64_t d) {
  Uuid out{};
  for (int i = 0; i < 4; ++i) out[i] = static_cast<std::byte>(a >> (8 * i));
  for (int i = 0; i < 2; ++i) out[4 + i] = static_cast<std::byte>(b >> (8 * i));
  for (int i = 0; i < 2; ++i) out[6 + i] = static_cast<std::byte>(c >> (8 * i));
  for (int i = 0; i < 8; ++i) out[8 + i] = static_cast<std::byte>(d >> (56 - 8 * i));
  return out;
}
inline constexpr Uuid bat_region = guid(0x2dc27766, 0xf623, 0x4200, 0x9d64115e9bfd4a08);
inline constexpr Uuid metadata_region = guid(0x8b7ca206, 0x4790, 0x4b9a, 0xb8fe575f050f886e);
inline constexpr Uuid file_parameters = guid(0xcaa16737, 0xfa36, 0x4d43, 0xb3b633f0aa44e76b);
inline constexpr Uuid virtual_disk_size = guid(0x2fa54224, 0xcd1b, 0x4876, 0xb2115dbed83bf4b8);
inline constexpr Uuid page83_data = guid(0xbeca12ab, 0xb2e6, 0x4523, 0x93efc309e000c746);
inline constexpr Uuid logical_sector = guid(0x8141bf1d, 0xa96f, 0x4709, 0xba47f233a8faab5f);
inline constexpr Uuid physical_sector = guid(0xcda348c7, 0x445d, 0x4471, 0x9cc9e9885251c556);

}  // namespace oxbow::format::vhdx
