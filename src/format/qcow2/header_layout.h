// Where the parts of the header's cluster lie on disk: its fields, its extensions, the backing
// file's name. Read anew for each change; that happens a few times in an image's life.
#pragma once

#include <cstdint>
#include <vector>

#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// A write inside one of these is there as a whole after a crash, or not at all.
inline constexpr uint64_t header_sector = 512;
// Fields that a change of the version or of the refcounts' width touches.
inline constexpr uint64_t header_offset_version = 4;
inline constexpr uint64_t header_offset_refcount_order = 96;  // version 3 only
inline constexpr uint64_t header_offset_length = 100;         // version 3 only
/// Type and length, before an extension's data.
inline constexpr uint64_t extension_prefix = 8;

struct ExtensionPlace {
  uint64_t offset = 0;  ///< of the prefix
  uint32_t type = 0;
  uint32_t length = 0;  ///< of the data

  [[nodiscard]] uint64_t data() const { return offset + extension_prefix; }
  [[nodiscard]] uint64_t end() const { return data() + align_up(length, 8); }
  [[nodiscard]] bool in_one_sector() const {
    return length == 0 || data() / header_sector == (data() + length - 1) / header_sector;
  }
};

struct HeaderLayout {
  Buffer bytes;                        ///< the whole cluster
  uint64_t fields = 0;                 ///< bytes before the first extension
  std::vector<ExtensionPlace> places;  ///< in order, without the end marker
  uint64_t end_marker = 0;
  uint64_t name_offset = 0;  ///< of the backing file's name; 0 for none
  uint64_t name_length = 0;
};

Task<HeaderLayout> read_header_layout(storage::Source& file, const Header& header);

/// The bytes before an extension's data.
[[nodiscard]] std::vector<std::byte> extension_prefix_bytes(uint32_t type, uint64_t length);

}  // namespace oxbow::format::qcow2
