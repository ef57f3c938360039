// The header of a VDI image (VirtualBox): where its block map and its data are. Little-endian; the
// layout is the one that VirtualBox documents for version 1.1.
#pragma once

#include <cstdint>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::vdi {

using async::Task;

inline constexpr uint32_t sector = 512;
inline constexpr uint32_t block_size = 1 << 20;
/// Entries of the block map from here on name no block: 0xfffffffe was discarded and 0xffffffff
/// never written; both read as zeroes.
inline constexpr uint32_t first_unallocated = 0xfffffffe;
inline constexpr uint32_t unallocated = 0xffffffff;
/// Blocks that the stock tools allow: what their map may take in memory.
inline constexpr uint64_t max_blocks = 0x1fffff80;
inline constexpr uint64_t max_size = max_blocks * block_size;
inline constexpr uint32_t type_dynamic = 1;
inline constexpr uint32_t type_static = 2;
/// Of the field that counts the allocated blocks.
inline constexpr uint64_t blocks_allocated_offset = 0x184;

struct Header {
  uint32_t image_type = type_dynamic;
  uint32_t map_offset = 0;
  uint32_t data_offset = 0;
  uint64_t disk_size = 0;  ///< whole sectors
  uint32_t blocks = 0;
  uint32_t blocks_allocated = 0;
};

/// Every field is checked; the first fault is told in the stock tools' words.
Task<Header> read_header(storage::Source& file);

/// "size is 0x..., max supported is 0x...".
std::unexpected<Error> size_unsupported(uint64_t size);

}  // namespace oxbow::format::vdi
