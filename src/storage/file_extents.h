// Which parts of a file hold data, by SEEK_DATA and SEEK_HOLE, with the last answer kept:
// callers walk a file in pieces smaller than its extents.
#pragma once

#include <cstdint>

namespace oxbow::storage {

class FileExtents {
 public:
  struct Extent {
    uint64_t start = 0;
    uint64_t end = 0;  ///< exclusive; UINT64_MAX for a hole that lasts to the end
    bool data = true;
  };

  /// The extent of `fd` around `offset`, from `offset` on. All is data on file systems
  /// that cannot tell.
  Extent find(int fd, uint64_t offset);
  /// [offset, offset + length) has been written, or may have lost its data.
  void changed(uint64_t offset, uint64_t length) {
    if (offset < last_.end && last_.start < offset + length) last_ = {};
  }
  void forget() { last_ = {}; }

 private:
  [[nodiscard]] Extent seek(int fd, uint64_t offset) const;

  Extent last_;  // empty: start == end
};

}  // namespace oxbow::storage
