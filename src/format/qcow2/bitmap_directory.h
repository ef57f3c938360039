// Persistent bitmaps as the header extension names them: the directory's entries, and the
// tables behind them. Pure reading and encoding; which bits are set is bitmap_bits.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

struct Header;

inline constexpr uint32_t bitmap_in_use = 1;
inline constexpr uint32_t bitmap_auto = 2;
inline constexpr uint32_t bitmap_extra_data_compatible = 4;
inline constexpr uint8_t bitmap_dirty_tracking = 1;
inline constexpr uint8_t min_granularity_bits = 9;
inline constexpr uint8_t max_granularity_bits = 31;
inline constexpr uint64_t max_bitmap_name = 1023;
inline constexpr uint64_t max_bitmap_bytes = 512 << 20;
/// Of a table entry without a cluster: all its bits are set.
inline constexpr uint64_t bitmap_all_ones = 1;

struct Bitmap {
  std::string name;
  uint64_t table_offset = 0;
  uint32_t table_size = 0;  ///< entries
  uint32_t flags = 0;
  uint8_t type = bitmap_dirty_tracking;
  uint8_t granularity_bits = 0;
  std::vector<std::byte> extra;  ///< what other software keeps with it

  /// Other software's, of a kind not known here: left as it is, neither read nor written.
  [[nodiscard]] bool foreign() const;
  [[nodiscard]] bool in_use() const { return (flags & bitmap_in_use) != 0; }
  [[nodiscard]] bool enabled() const { return (flags & bitmap_auto) != 0; }
};

/// How many entries the table of a bitmap has for a disk of `bytes`.
[[nodiscard]] uint64_t bitmap_table_entries(const Header& header, uint64_t bytes,
                                            uint8_t granularity_bits);

/// Every entry, validated; none where the header has no bitmaps. Errors are the stock tool's
/// sentences.
Task<std::vector<Bitmap>> read_bitmap_directory(storage::Source& file, const Header& header);

/// The entries of a bitmap's table, each a cluster's offset or, below the mask, 0 or 1.
/// Memory is bounded by the format's limit on a bitmap's size (512 MiB), a table of 8 MiB.
Task<std::vector<uint64_t>> read_bitmap_table(storage::Source& file, const Header& header,
                                              const Bitmap& bitmap);

/// The directory as the file holds it.
[[nodiscard]] std::vector<std::byte> encode_bitmap_directory(std::span<const Bitmap> bitmaps);

}  // namespace oxbow::format::qcow2
