// The header of a QED image, as the format's specification in QEMU's documents
// has it. Little-endian.
#pragma once

#include <cstdint>
#include <string>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::qed {

using async::Task;

inline constexpr uint64_t feature_backing = 1;
inline constexpr uint64_t feature_need_check = 2;
inline constexpr uint64_t feature_backing_raw = 4;  ///< the backing file is not to be probed

// Where fields lie in the file.
inline constexpr uint64_t features_offset = 16;
inline constexpr uint64_t autoclear_features_offset = 32;
inline constexpr uint64_t disk_size_offset = 48;
inline constexpr size_t header_bytes = 64;
inline constexpr uint32_t magic = 0x00444551;  // "QED\0"
inline constexpr uint32_t min_cluster = 4 << 10;
inline constexpr uint32_t max_cluster = 64 << 20;
inline constexpr uint32_t max_table_clusters = 16;
inline constexpr uint32_t sector = 512;
inline constexpr uint32_t longest_name = 1023;  ///< of the backing file

struct Header {
  uint32_t cluster_size = 0;    ///< bytes
  uint32_t table_clusters = 0;  ///< of the L1 table, and of each L2 table
  uint32_t header_clusters = 0;
  uint64_t features = 0;
  uint64_t l1_offset = 0;
  uint64_t disk_size = 0;  ///< bytes
  std::string backing_file;

  [[nodiscard]] uint64_t table_bytes() const { return uint64_t{table_clusters} * cluster_size; }
  [[nodiscard]] uint64_t table_entries() const { return table_bytes() / 8; }
  /// Whether it is whole sectors, and tables reach as far.
  [[nodiscard]] bool is_valid_size() const;
  /// Whether a table may begin there: aligned, and wholly between the header
  /// and the end.
  [[nodiscard]] bool is_table_offset(uint64_t offset, uint64_t file_size) const;
  /// The same of a cluster of data.
  [[nodiscard]] bool is_cluster_offset(uint64_t offset, uint64_t file_size) const;
};

/// Every field is checked; the first fault is told in the stock tools' words.
Task<Header> read_header(storage::Source& file);

}  // namespace oxbow::format::qed
