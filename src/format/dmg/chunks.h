// The tables of a UDIF image (dmg): which sectors of the disk lie where in the file, and how they
// are packed. Learned from the trailer at the file's end, which names a property list or a
// resource fork that holds them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "storage/storage.h"

namespace oxbow::format::dmg {

using async::Task;

inline constexpr uint64_t sector = 512;

enum class ChunkKind : uint32_t {
  zero = 0,
  raw = 1,
  ignored = 2,  ///< reads as zeroes
  zlib = 0x80000005,
  bzip2 = 0x80000006,
  lzfse = 0x80000007,  ///< not read here
};

struct Chunk {
  ChunkKind kind = ChunkKind::zero;
  uint64_t start = 0;   ///< sector of the disk
  uint64_t count = 0;   ///< sectors; at most 64 MiB where packed
  uint64_t offset = 0;  ///< bytes, in the file
  uint64_t length = 0;  ///< bytes in the file; at most 64 MiB
};

struct Layout {
  uint64_t disk_size = 0;     ///< bytes
  std::vector<Chunk> chunks;  ///< in the order of their sectors
};

/// corrupt: the error names the field. `warn` is told of chunks of kinds that cannot be read.
Task<Layout> read_layout(storage::Source& file, std::function<void(std::string_view)> warn);

}  // namespace oxbow::format::dmg
