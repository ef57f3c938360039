// What a VHD image says of itself ("Virtual Hard Disk Image Format Specification", Microsoft,
// 2006): the footer at the file's end, of which dynamic images have a copy at its beginning, and
// their dynamic header. Big-endian.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::vpc {

using async::Task;

inline constexpr uint32_t sector = 512;
inline constexpr uint32_t unallocated = 0xffffffff;
inline constexpr uint32_t type_fixed = 2;
inline constexpr uint32_t type_dynamic = 3;
inline constexpr uint32_t type_differencing = 4;
/// What fits into the table of a dynamic image: 2040 GiB.
inline constexpr uint64_t max_size = uint64_t{2040} << 30;

struct DiskGeometry {
  uint32_t cylinders = 0;
  uint32_t heads = 0;
  uint32_t sectors = 0;  ///< a track
  [[nodiscard]] uint64_t total() const { return uint64_t{cylinders} * heads * sectors; }
};
/// A disk of this geometry may be larger than it says.
inline constexpr DiskGeometry max_geometry{65535, 16, 255};
/// The specification's appendix: the geometry of a disk of about so many sectors.
[[nodiscard]] DiskGeometry geometry_of(uint64_t sectors);

using FooterBytes = std::array<std::byte, sector>;

struct Footer {
  uint64_t data_offset = UINT64_MAX;  ///< of the dynamic header; all ones for fixed disks
  uint32_t timestamp = 0;             ///< seconds since 2000
  std::array<char, 4> creator{};
  uint64_t current_size = 0;  ///< bytes
  DiskGeometry geometry;
  uint32_t type = type_dynamic;
  std::array<std::byte, 16> uuid{};
};

/// With its checksum.
[[nodiscard]] FooterBytes encode(const Footer& footer);

struct DynamicHeader {
  uint64_t table_offset = 0;
  uint32_t table_entries = 0;
  uint32_t block_size = 0;
};

/// Who says how large the disk is; by the word of the option `force_size_calc`.
enum class SizeRule { automatic, geometry, current_size };

struct VpcHeader {
  FooterBytes footer{};  ///< as it is, to be written anew
  bool fixed = false;
  uint64_t size = 0;      ///< of the disk, bytes
  DynamicHeader dynamic;  ///< of dynamic images
};

/// Every field is checked; the first fault is told in the stock tools' words.
Task<VpcHeader> read_header(storage::Source& file, SizeRule rule);

/// The checksum over `bytes` with the field at `offset` taken as 0.
[[nodiscard]] uint32_t checksum(std::span<const std::byte> bytes, size_t offset);

}  // namespace oxbow::format::vpc
