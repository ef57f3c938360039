// Persistent bitmaps as the header extension names them: the directory's entries, and the
// tables behind them. Read for info, open's validation and check; bits are not looked at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

struct Header;

inline constexpr uint32_t bitmap_in_use = 1;
inline constexpr uint32_t bitmap_auto = 2;

struct Bitmap {
  std::string name;
  uint64_t table_offset = 0;
  uint32_t table_size = 0;  ///< entries
  uint32_t flags = 0;
  uint8_t granularity_bits = 0;
};

/// Every entry, validated; none where the header has no bitmaps. Errors are the stock tool's
/// sentences.
Task<std::vector<Bitmap>> read_bitmap_directory(storage::Source& file, const Header& header);

/// The entries of a bitmap's table, each a cluster's offset or, below the mask, 0 or 1.
/// Memory is bounded by the format's limit on a bitmap's size (512 MiB), a table of 8 MiB.
Task<std::vector<uint64_t>> read_bitmap_table(storage::Source& file, const Header& header,
                                              const Bitmap& bitmap);

}  // namespace oxbow::format::qcow2
