// The header of an image of the first version of qcow. Big-endian.
#pragma once

#include <cstdint>
#include <string>

#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::format::qcow {

using async::Task;

inline constexpr uint64_t sector = 512;
inline constexpr size_t header_size = 48;
inline constexpr uint32_t magic = 0x514649fb;  // "QFI\xfb"
inline constexpr uint32_t max_backing_name = 1023;
inline constexpr uint64_t max_l1_entries = INT32_MAX / sizeof(uint64_t);

struct Header {
  uint64_t disk_size = 0;  ///< bytes, whole sectors
  uint32_t cluster_bits = 0;
  uint32_t l2_bits = 0;
  uint64_t l1_offset = 0;
  bool encrypted = false;
  std::string backing_file;  ///< empty: none

  [[nodiscard]] uint64_t cluster_size() const { return uint64_t{1} << cluster_bits; }
  [[nodiscard]] uint64_t l2_entries() const { return uint64_t{1} << l2_bits; }
  [[nodiscard]] uint64_t l1_entries() const;
};

/// corrupt or unsupported: the error names the field, in the stock tools' words
/// where they have some.
Task<Header> read_header(storage::Source& file);

}  // namespace oxbow::format::qcow
