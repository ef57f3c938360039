// Headers of sparse vmdk files: the hosted one ("KDMV") and that of ESX ("COWD"). Both lead to a
// directory of grain tables; a table says where each grain of the disk lies.
#pragma once

#include <cstdint>

#include "storage/storage.h"

namespace oxbow::format::vmdk {

using async::Task;

inline constexpr uint64_t sector = 512;

struct SparseHeader {
  uint64_t capacity = 0;          ///< sectors of the disk
  uint64_t grain_size = 0;        ///< bytes, a power of two
  uint32_t table_entries = 0;     ///< of each grain table
  uint64_t directory = 0;         ///< byte offset in the file
  uint64_t backup_directory = 0;  ///< the same of the redundant one; 0: there is none
  uint64_t descriptor = 0;        ///< byte offset of the text; 0: there is none
  uint64_t descriptor_size = 0;   ///< bytes
  bool zero_grains = false;       ///< an entry of 1 reads as zeroes
  bool compressed = false;        ///< grains are zlib streams
  bool markers = false;           ///< with 12 bytes before each
  /// 0 where there is nothing behind the header (a grain directory at the end).
  [[nodiscard]] uint64_t directory_entries() const {
    const uint64_t covered = uint64_t{table_entries} * (grain_size / sector);
    return capacity / covered + (capacity % covered != 0 ? 1 : 0);
  }
};

/// corrupt or unsupported: the error names the field, in the stock tools' words where they have
/// some. What is found fits in memory and in the file.
Task<SparseHeader> read_sparse_header(storage::Source& file);

/// Whether `file` begins as a sparse file does.
Task<bool> is_sparse(storage::Source& file);

}  // namespace oxbow::format::vmdk
