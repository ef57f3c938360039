// Making an image's file as short as what it holds, in place.
#pragma once

#include <cstdint>
#include <functional>

namespace oxbow {

struct CompactOptions {
  bool detect_zeroes = false;  ///< clusters of nothing but zero bytes are given up, too
  bool dry_run = false;        ///< only tells what there is to gain; changes nothing
  /// Called now and then with bytes moved and bytes to be moved. Optional.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Bytes.
struct CompactResult {
  uint64_t size_before = 0;  ///< of the file
  uint64_t size_after = 0;   ///< dry run: at best
  uint64_t moved = 0;        ///< dry run: to be moved
  uint64_t zeroed = 0;       ///< data that was nothing but zeroes; 0 in a dry run
  uint64_t leaked = 0;       ///< that nobody referred to, and are free now
  uint64_t unmoved = 0;      ///< what had to stay behind the end that the file could have
};

}  // namespace oxbow
