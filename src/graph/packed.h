// Guest data compressed ahead of being written: CPU work that needs no place in the image yet.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/buffer.h"

namespace oxbow::graph {

/// Whole compression units in a row, the disk's last one may be shorter. Refers to the plain bytes,
/// which stay where they are as long as it is used.
struct Packed {
  uint64_t offset = 0;  ///< guest bytes
  uint32_t unit = 0;    ///< guest bytes
  std::span<const std::byte> plain;
  /// A slot of unit + 8 bytes for each unit.
  Buffer slots;
  /// Of each unit: the bytes in its slot; 0: it is stored plainly.
  std::vector<uint32_t> lengths;

  [[nodiscard]] size_t slot_size() const { return size_t{unit} + 8; }
  [[nodiscard]] std::span<const std::byte> plain_of(size_t i) const {
    const size_t begin = i * unit;
    return plain.subspan(begin, std::min<size_t>(unit, plain.size() - begin));
  }
  [[nodiscard]] std::span<std::byte> slot(size_t i) {
    return slots.span().subspan(i * slot_size(), slot_size());
  }
  [[nodiscard]] std::span<const std::byte> packed_of(size_t i) const {
    return slots.span().subspan(i * slot_size(), lengths[i]);
  }
};

}  // namespace oxbow::graph
