#include "format/qcow2/free_index.h"

#include <algorithm>
#include <bit>

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t bits = 64;

// The first index >= `from` below `end` whose bit, xored with `flip`, is set; else `end`.
uint64_t next_bit(const std::vector<uint64_t>& words, uint64_t from, uint64_t end, uint64_t flip) {
  while (from < end) {
    const uint64_t word = (words[from / bits] ^ flip) >> (from % bits);
    if (word != 0) return std::min(from + std::countr_zero(word), end);
    from = (from / bits + 1) * bits;
  }
  return end;
}

}  // namespace

void FreeIndex::set_used(Region& region, uint64_t index) {
  if (region.used == region_size_) return;
  if (region.words.empty()) region.words.assign((region_size_ + bits - 1) / bits, 0);
  uint64_t& word = region.words[index / bits];
  const uint64_t mask = uint64_t{1} << (index % bits);
  if ((word & mask) != 0) return;
  word |= mask;
  if (++region.used == region_size_) region.words = {};
}

void FreeIndex::set_free(Region& region, uint64_t index) {
  if (region.used == 0) return;
  if (region.words.empty()) region.words.assign((region_size_ + bits - 1) / bits, ~uint64_t{0});
  uint64_t& word = region.words[index / bits];
  const uint64_t mask = uint64_t{1} << (index % bits);
  if ((word & mask) == 0) return;
  word &= ~mask;
  if (--region.used == 0) region.words = {};
}

template <class Change>
void FreeIndex::for_known(uint64_t cluster, uint64_t count, Change change) {
  for (const uint64_t end = cluster + count; cluster < end;) {
    const uint64_t number = cluster / region_size_;
    const uint64_t stop = std::min(end, (number + 1) * region_size_);
    const auto found = regions_.find(number);
    for (; found != regions_.end() && cluster < stop; ++cluster) {
      change(found->second, cluster % region_size_);
    }
    cluster = stop;
  }
}

void FreeIndex::mark_used(uint64_t cluster, uint64_t count) {
  for_known(cluster, count, [this](Region& region, uint64_t index) { set_used(region, index); });
}

void FreeIndex::mark_free(uint64_t cluster, uint64_t count) {
  for_known(cluster, count, [this](Region& region, uint64_t index) { set_free(region, index); });
}

uint64_t FreeIndex::next_free(const Region& region, uint64_t index) const {
  if (region.used == 0) return index;
  if (region.used == region_size_) return region_size_;
  return next_bit(region.words, index, region_size_, ~uint64_t{0});
}

uint64_t FreeIndex::next_used(const Region& region, uint64_t index) const {
  if (region.used == 0) return region_size_;
  if (region.used == region_size_) return index;
  return next_bit(region.words, index, region_size_, 0);
}

FreeIndex::Search FreeIndex::find(uint64_t from, uint64_t count) const {
  uint64_t start = from;   // of the free run being measured
  uint64_t cursor = from;  // everything in [start, cursor) is free
  while (cursor - start < count) {
    const uint64_t number = cursor / region_size_;
    const auto found = regions_.find(number);
    if (found == regions_.end()) return {.unknown_region = number};
    const uint64_t base = number * region_size_;
    const Region& region = found->second;
    if (cursor == start) {
      start = cursor = base + next_free(region, cursor - base);
      if (cursor - base == region_size_) continue;
    }
    const uint64_t end = base + next_used(region, cursor - base);
    if (end - start >= count || end == base + region_size_) {
      cursor = end;
    } else {
      start = cursor = end;
    }
  }
  return {.found = true, .cluster = start};
}

}  // namespace oxbow::format::qcow2
