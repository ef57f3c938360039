// Counts of clusters in a row, raised and lowered in loops that compilers turn into vector
// instructions: what taking and dropping a snapshot of a large disk does most of the time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

/// Counts are done in pieces: where one cannot be done at once, little is looked at twice.
inline constexpr uint64_t counts_a_piece = 64;

/// The width that images have if nobody asks for another.
inline constexpr unsigned usual_refcount_order = 4;

/// One more for `count` of them from `index` on, up to the first that is 0 or has no room; how
/// many that were.
inline uint64_t raise_counts(std::byte* block, uint64_t index, uint64_t count, unsigned order) {
  uint64_t done = 0;
  if (order == usual_refcount_order) {
    for (; count - done >= counts_a_piece; done += counts_a_piece) {
      std::byte* at = block + (index + done) * 2;
      bool stuck = false;
      for (uint64_t i = 0; i < counts_a_piece; ++i) {
        const auto now = load_be<uint16_t>(at + i * 2);
        stuck |= now == 0 || now == UINT16_MAX;
      }
      if (stuck) break;
      for (uint64_t i = 0; i < counts_a_piece; ++i) {
        store_be<uint16_t>(at + i * 2, static_cast<uint16_t>(load_be<uint16_t>(at + i * 2) + 1));
      }
    }
  }
  for (; done < count; ++done) {
    const uint64_t now = load_refcount(block, index + done, order);
    if (now == 0 || now >= max_refcount(order)) break;
    store_refcount(block, index + done, order, now + 1);
  }
  return done;
}

/// One less for `count` of them from `index` on, as long as some are left; how many that were.
inline uint64_t lower_shared_counts(std::byte* block, uint64_t index, uint64_t count,
                                    unsigned order) {
  uint64_t done = 0;
  if (order == usual_refcount_order) {
    for (; count - done >= counts_a_piece; done += counts_a_piece) {
      std::byte* at = block + (index + done) * 2;
      bool stuck = false;
      for (uint64_t i = 0; i < counts_a_piece; ++i) stuck |= load_be<uint16_t>(at + i * 2) < 2;
      if (stuck) break;
      for (uint64_t i = 0; i < counts_a_piece; ++i) {
        store_be<uint16_t>(at + i * 2, static_cast<uint16_t>(load_be<uint16_t>(at + i * 2) - 1));
      }
    }
  }
  for (; done < count; ++done) {
    const uint64_t now = load_refcount(block, index + done, order);
    if (now < 2) break;
    store_refcount(block, index + done, order, now - 1);
  }
  return done;
}

}  // namespace oxbow::format::qcow2
