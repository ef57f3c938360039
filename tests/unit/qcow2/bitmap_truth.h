// What a dirty bitmap is held to: it knows of every byte that differs from what the disk held
// when the bitmap began.
#pragma once

#include "base/sparse_bits.h"
#include "format/qcow2/bitmap_directory.h"
#include "image_fixture.h"

namespace oxbow::testing {

inline format::qcow2::Qcow2Image& engine(graph::Node& node) {
  return dynamic_cast<format::qcow2::Qcow2Image&>(node.format());
}

/// Bytes that `base` lacks were zero.
inline bool covers(const format::qcow2::Bitmap& bitmap, const SparseBits& bits, const Bytes& base,
                   const Bytes& now) {
  const uint64_t granularity = uint64_t{1} << bitmap.granularity_bits;
  for (uint64_t at = 0; at < now.size(); at += granularity) {
    if (bits.test(at / granularity)) continue;
    const uint64_t end = std::min<uint64_t>(at + granularity, now.size());
    for (uint64_t i = at; i < end; ++i) {
      if (now[i] != (i < base.size() ? base[i] : std::byte{0})) return false;
    }
  }
  return true;
}

}  // namespace oxbow::testing
