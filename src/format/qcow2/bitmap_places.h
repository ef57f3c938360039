// Whose clusters are whose: bitmaps are written in place, so a cluster that two of them name, or
// that counts as anybody else's, must not be written.
#pragma once

#include <algorithm>

#include "base/bytes.h"
#include "base/sparse_bits.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

class BitmapPlaces {
 public:
  /// `file_bytes`: how long the file is.
  BitmapPlaces(const Header& header, uint64_t file_bytes)
      : cluster_bits_(header.cluster_bits),
        taken_(div_round_up(file_bytes, header.cluster_size())),
        shared_(taken_.size()) {}

  /// False where the range leaves the file, or lies where another one does.
  bool take(uint64_t offset, uint64_t bytes) {
    const Clusters in = clusters(offset, bytes);
    if (in.end > taken_.size()) return false;
    if (taken_.any_set(in.first, in.end - in.first)) {
      shared_.set(in.first, in.end - in.first);
      return false;
    }
    taken_.set(in.first, in.end - in.first);
    return true;
  }
  /// Whether several asked for a part of this place.
  [[nodiscard]] bool shared(uint64_t offset, uint64_t bytes) const {
    const Clusters in = clusters(offset, bytes);
    const uint64_t end = std::min(in.end, shared_.size());
    return in.first < end && shared_.any_set(in.first, end - in.first);
  }
  [[nodiscard]] bool any_shared() const { return shared_.count() != 0; }

 private:
  struct Clusters {
    uint64_t first;
    uint64_t end;
  };
  [[nodiscard]] Clusters clusters(uint64_t offset, uint64_t bytes) const {
    return {offset >> cluster_bits_, ((offset + bytes - 1) >> cluster_bits_) + 1};
  }

  unsigned cluster_bits_;
  SparseBits taken_;
  SparseBits shared_;
};

}  // namespace oxbow::format::qcow2
