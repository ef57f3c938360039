// The header of a Parallels image, as the format's text in QEMU's documents has it: 64 bytes, then
// the block table (BAT). Little-endian.
#pragma once

#include <cstdint>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::parallels {

using async::Task;

inline constexpr uint32_t sector = 512;
inline constexpr uint64_t table_offset = 64;
inline constexpr uint64_t in_use_offset = 44;
inline constexpr uint32_t in_use_mark = 0x746f6e59;  ///< being written to, or was not closed

struct Header {
  uint32_t cluster_size = 0;  ///< bytes
  uint32_t table_entries = 0;
  /// What an entry counts in, bytes: a cluster; a sector in images of the older kind.
  uint32_t entry_unit = 0;
  uint64_t disk_size = 0;      ///< bytes
  bool in_use = false;         ///< was not closed
  uint64_t data_offset = 0;    ///< of the first cluster, bytes
  bool has_extension = false;  ///< bitmaps or what else would have to be kept true
};

/// Every field is checked; the first fault is told in the stock tools' words.
Task<Header> read_header(storage::Source& file);

}  // namespace oxbow::format::parallels
