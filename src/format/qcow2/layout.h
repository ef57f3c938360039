// The qcow2 disk layout in numbers: masks, feature bits, limits, and pure functions over
// single entries. Everything that reads or writes a qcow2 field takes it from here; this
// file knows no I/O. Facts and their sources: docs/format-notes.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace oxbow::format::qcow2 {

inline constexpr uint32_t magic = 0x514649fb;  // "QFI\xfb"
inline constexpr uint32_t min_version = 2;
inline constexpr uint32_t max_version = 3;
inline constexpr uint32_t min_cluster_bits = 9;
inline constexpr uint32_t max_cluster_bits = 21;
inline constexpr uint32_t max_refcount_order = 6;
inline constexpr uint32_t v2_refcount_order = 4;

// Limits on what a header may claim, in bytes unless named otherwise.
inline constexpr uint64_t max_l1_bytes = 32 << 20;
inline constexpr uint64_t max_refcount_table_bytes = 8 << 20;
inline constexpr uint32_t max_snapshots = 65536;
inline constexpr uint64_t max_snapshot_extra_bytes = 1024;
inline constexpr uint64_t max_snapshot_table_bytes = 64 << 20;
inline constexpr uint32_t max_bitmaps = 65535;
inline constexpr uint64_t max_bitmap_directory_bytes = 64 << 20;
inline constexpr uint64_t max_backing_name = 1023;
/// The stock tools read and write nothing beyond.
inline constexpr uint64_t max_file_offset = 0x7fffffffc0000000;
/// Host offsets have 56 bits in L1 and L2 entries.
inline constexpr uint64_t max_host_offset = uint64_t{1} << 56;

// Where fields lie in the header.
inline constexpr uint64_t header_offset_backing_name = 8;
inline constexpr uint64_t header_offset_size = 24;
inline constexpr uint64_t header_offset_l1 = 36;  // entries (4 bytes), then the offset (8)
inline constexpr uint64_t header_offset_refcount_table = 48;  // offset (8), clusters (4)
inline constexpr uint64_t header_offset_snapshots = 60;       // count (4), offset (8)
inline constexpr uint64_t header_offset_incompatible = 72;
inline constexpr uint64_t header_offset_compatible = 80;
inline constexpr uint64_t header_offset_autoclear = 88;
inline constexpr uint32_t v2_header_length = 72;
inline constexpr uint32_t v3_min_header_length = 104;
inline constexpr uint32_t v3_header_length = 112;

inline constexpr uint64_t incompatible_dirty = uint64_t{1} << 0;
inline constexpr uint64_t incompatible_corrupt = uint64_t{1} << 1;
inline constexpr uint64_t incompatible_data_file = uint64_t{1} << 2;
inline constexpr uint64_t incompatible_compression = uint64_t{1} << 3;
inline constexpr uint64_t incompatible_extended_l2 = uint64_t{1} << 4;
inline constexpr uint64_t known_incompatible = (uint64_t{1} << 5) - 1;
inline constexpr uint64_t compatible_lazy_refcounts = uint64_t{1} << 0;
inline constexpr uint64_t autoclear_bitmaps = uint64_t{1} << 0;
/// Our own: what the bitmap record says is in force.
inline constexpr uint64_t autoclear_bitmap_record = uint64_t{1} << 40;
inline constexpr uint64_t autoclear_raw_data_file = uint64_t{1} << 1;

inline constexpr uint32_t crypt_none = 0;
inline constexpr uint32_t crypt_aes = 1;
inline constexpr uint32_t crypt_luks = 2;

inline constexpr uint8_t compression_zlib = 0;
inline constexpr uint8_t compression_zstd = 1;

inline constexpr uint32_t extension_end = 0;
inline constexpr uint32_t extension_backing_format = 0xe2792aca;
inline constexpr uint32_t extension_feature_names = 0x6803f857;
inline constexpr uint32_t extension_bitmaps = 0x23852875;
inline constexpr uint32_t extension_crypto = 0x0537be77;
inline constexpr uint32_t extension_data_file = 0x44415441;
/// Our own: see bitmap_record.h.
inline constexpr uint32_t extension_bitmap_record = 0x4f584244;
/// A place in the header that once held an extension; its contents mean nothing.
inline constexpr uint32_t extension_unused = 0x4f58556e;

// Entries of the refcount table, L1, L2 and bitmap tables.
inline constexpr uint64_t refcount_table_offset_mask = ~uint64_t{0x1ff};
inline constexpr uint64_t l1_offset_mask = 0x00fffffffffffe00;
inline constexpr uint64_t l2_offset_mask = 0x00fffffffffffe00;
inline constexpr uint64_t l1_reserved_mask = 0x7f000000000001ff;
inline constexpr uint64_t l2_reserved_mask = 0x3f000000000001fe;
inline constexpr uint64_t bitmap_table_offset_mask = 0x00fffffffffffe00;
inline constexpr uint64_t copied_flag = uint64_t{1} << 63;
inline constexpr uint64_t l2_compressed_flag = uint64_t{1} << 62;
inline constexpr uint64_t l2_zero_flag = uint64_t{1} << 0;

inline constexpr uint32_t subclusters_per_cluster = 32;
inline constexpr uint32_t min_extended_cluster_bits = 14;
inline constexpr uint64_t compressed_sector = 512;

/// One entry of an L2 table; `bitmap` is the second half of an extended entry, else 0.
struct L2Entry {
  uint64_t raw = 0;
  uint64_t bitmap = 0;

  bool operator==(const L2Entry&) const = default;
  /// Bit i: subcluster i is stored in the entry's cluster.
  [[nodiscard]] uint32_t allocated_subclusters() const { return static_cast<uint32_t>(bitmap); }
  /// Bit i: subcluster i reads as zeroes.
  [[nodiscard]] uint32_t zero_subclusters() const { return static_cast<uint32_t>(bitmap >> 32); }
};

/// An entry as a table has it. Offset 0 is a place only in an external data file, where the COPIED
/// flag says so; the flag means nothing without a place.
[[nodiscard]] constexpr L2Entry l2_entry(uint64_t raw, uint64_t bitmap, bool data_file) {
  const bool no_place = (raw & (l2_offset_mask | l2_compressed_flag)) == 0 && !data_file;
  return {no_place ? raw & ~copied_flag : raw, bitmap};
}

/// Whether there is a plain host cluster. At offset 0 none is kept for what reads as zeroes.
[[nodiscard]] constexpr bool has_cluster(const L2Entry& entry) {
  if ((entry.raw & l2_compressed_flag) != 0) return false;
  return (entry.raw & l2_offset_mask) != 0 ||
         (entry.raw & (copied_flag | l2_zero_flag)) == copied_flag;
}

enum class L2Kind : uint8_t {
  unallocated,     ///< no host cluster: the backing file decides (or the zero subclusters)
  zero_plain,      ///< reads as zeroes, no host cluster
  zero_allocated,  ///< reads as zeroes, a host cluster is kept
  normal,          ///< a host cluster; with extended L2 the bitmap says which parts count
  compressed,
};

/// `zero_bit`: whether bit 0 has a meaning, which it has in version 3 without extended L2.
[[nodiscard]] constexpr L2Kind kind_of(const L2Entry& entry, bool zero_bit) {
  if ((entry.raw & l2_compressed_flag) != 0) return L2Kind::compressed;
  const bool has_host = has_cluster(entry);
  if (zero_bit && (entry.raw & l2_zero_flag) != 0) {
    return has_host ? L2Kind::zero_allocated : L2Kind::zero_plain;
  }
  return has_host ? L2Kind::normal : L2Kind::unallocated;
}

/// Where a compressed cluster lies: a byte offset, and the bytes up to the end of its last
/// 512-byte sector; the data may end before.
struct CompressedPlace {
  uint64_t offset = 0;
  uint64_t length = 0;
};

[[nodiscard]] constexpr CompressedPlace compressed_place(const L2Entry& entry,
                                                         uint32_t cluster_bits) {
  const uint32_t offset_bits = 62 - (cluster_bits - 8);
  const uint64_t offset = entry.raw & ((uint64_t{1} << offset_bits) - 1);
  const uint64_t more_sectors = (entry.raw & (l2_compressed_flag - 1)) >> offset_bits;
  return {offset, (more_sectors + 1) * compressed_sector - offset % compressed_sector};
}

/// The entry of a compressed cluster of `length` bytes at `offset`; 0 where the offset is too large
/// for this size of clusters.
[[nodiscard]] constexpr uint64_t compressed_entry(uint64_t offset, uint64_t length,
                                                  uint32_t cluster_bits) {
  const uint32_t offset_bits = 62 - (cluster_bits - 8);
  if (offset >> offset_bits != 0) return 0;
  const uint64_t more_sectors =
      (offset + length - 1) / compressed_sector - offset / compressed_sector;
  return l2_compressed_flag | more_sectors << offset_bits | offset;
}

/// Entry `index` of a refcount block whose counts are 2^order bits wide. `index` lies
/// inside the block.
[[nodiscard]] inline uint64_t load_refcount(const std::byte* block, uint64_t index,
                                            unsigned order) {
  switch (order) {
    case 3: return std::to_integer<uint64_t>(block[index]);
    case 4: return load_be<uint16_t>(block + index * 2);
    case 5: return load_be<uint32_t>(block + index * 4);
    case 6: return load_be<uint64_t>(block + index * 8);
    default: break;
  }
  const unsigned bits = 1U << order;
  const uint64_t bit = index * bits;
  return (std::to_integer<uint64_t>(block[bit / 8]) >> (bit % 8)) & ((1U << bits) - 1);
}

/// `value` fits in 2^order bits.
inline void store_refcount(std::byte* block, uint64_t index, unsigned order, uint64_t value) {
  switch (order) {
    case 3: block[index] = static_cast<std::byte>(value); return;
    case 4: store_be(block + index * 2, static_cast<uint16_t>(value)); return;
    case 5: store_be(block + index * 4, static_cast<uint32_t>(value)); return;
    case 6: store_be(block + index * 8, value); return;
    default: break;
  }
  const unsigned bits = 1U << order;
  const uint64_t bit = index * bits;
  const auto mask = static_cast<std::byte>(((1U << bits) - 1) << (bit % 8));
  std::byte& at = block[bit / 8];
  at = (at & ~mask) | (static_cast<std::byte>(value << (bit % 8)) & mask);
}

[[nodiscard]] constexpr uint64_t max_refcount(unsigned order) {
  return order >= 6 ? UINT64_MAX >> 1 : (uint64_t{1} << (1U << order)) - 1;
}

}  // namespace oxbow::format::qcow2
