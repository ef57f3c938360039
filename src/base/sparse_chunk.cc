#include "base/sparse_chunk.h"

#include <algorithm>
#include <bit>

namespace oxbow {
namespace {

using Words = SparseChunk::Words;

// The bits of word `index` that lie in first..last.
uint64_t mask_of(uint32_t index, uint32_t first, uint32_t last) {
  uint64_t mask = ~uint64_t{0};
  if (index == first / 64) mask &= ~uint64_t{0} << (first % 64);
  if (index == last / 64) mask &= ~uint64_t{0} >> (63 - last % 64);
  return mask;
}

template <class Change>
void for_words(uint32_t first, uint32_t last, Change change) {
  for (uint32_t i = first / 64; i <= last / 64; ++i) change(i, mask_of(i, first, last));
}

void fill(Words& words, uint32_t first, uint32_t last) {
  for_words(first, last, [&](uint32_t i, uint64_t mask) { words[i] |= mask; });
}

uint32_t count_of(const Words& words) {
  uint32_t count = 0;
  for (const uint64_t word : words) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

uint32_t runs_of(const Words& words) {
  uint32_t runs = 0;
  uint64_t before = 0;  // the last bit of the word before
  for (const uint64_t word : words) {
    runs += static_cast<uint32_t>(std::popcount(word & ~(word << 1 | before)));
    before = word >> 63;
  }
  return runs;
}

uint32_t find_in(const Words& words, uint32_t from, bool wanted) {
  const uint64_t flip = wanted ? 0 : ~uint64_t{0};
  for (uint32_t i = from / 64; i < words.size(); ++i) {
    uint64_t word = words[i] ^ flip;
    if (i == from / 64) word &= ~uint64_t{0} << (from % 64);
    if (word != 0) return i * 64 + static_cast<uint32_t>(std::countr_zero(word));
  }
  return SparseChunk::bits;
}

}  // namespace

SparseChunk::SparseChunk(const SparseChunk& other)
    : count_(other.count_),
      runs_(other.runs_),
      words_(other.words_ ? std::make_unique<Words>(*other.words_) : nullptr) {}

SparseChunk& SparseChunk::operator=(const SparseChunk& other) {
  if (this != &other) *this = SparseChunk(other);
  return *this;
}

SparseChunk::Runs::const_iterator SparseChunk::run_at_or_after(uint32_t bit) const {
  return std::ranges::lower_bound(runs_, bit, {}, &Run::last);
}

uint32_t SparseChunk::find(uint32_t from, bool wanted) const {
  if (words_) return find_in(*words_, from, wanted);
  const auto run = run_at_or_after(from);
  if (wanted) return run == runs_.end() ? bits : std::max<uint32_t>(run->first, from);
  return run == runs_.end() || run->first > from ? from : uint32_t{run->last} + 1;
}

uint32_t SparseChunk::next_set(uint32_t from) const { return find(from, true); }
uint32_t SparseChunk::next_clear(uint32_t from) const { return find(from, false); }
bool SparseChunk::all_set(uint32_t first, uint32_t last) const { return next_clear(first) > last; }
bool SparseChunk::any_set(uint32_t first, uint32_t last) const { return next_set(first) <= last; }

void SparseChunk::set(uint32_t first, uint32_t last) {
  if (!words_) return set_runs(first, last);
  for_words(first, last, [&](uint32_t i, uint64_t mask) {
    count_ += static_cast<uint32_t>(std::popcount(mask & ~(*words_)[i]));
    (*words_)[i] |= mask;
  });
}

void SparseChunk::clear(uint32_t first, uint32_t last) {
  if (!words_) return clear_runs(first, last);
  for_words(first, last, [&](uint32_t i, uint64_t mask) {
    count_ -= static_cast<uint32_t>(std::popcount(mask & (*words_)[i]));
    (*words_)[i] &= ~mask;
  });
  // Not at every step: back to runs only where they are much the smaller form.
  if (count_ <= max_runs / 4) assign(Words(*words_));
}

// Runs that touch first..last become one with it.
void SparseChunk::set_runs(uint32_t first, uint32_t last) {
  auto begin = runs_.begin() + (run_at_or_after(first == 0 ? 0 : first - 1) - runs_.begin());
  auto end = begin;
  uint32_t from = first;
  uint32_t to = last;
  for (; end != runs_.end() && end->first <= last + 1; ++end) {
    from = std::min<uint32_t>(from, end->first);
    to = std::max<uint32_t>(to, end->last);
    count_ -= uint32_t{end->last} - end->first + 1;
  }
  count_ += to - from + 1;
  const Run joined{static_cast<uint16_t>(from), static_cast<uint16_t>(to)};
  if (begin == end) {
    runs_.insert(begin, joined);
  } else {
    *begin = joined;
    runs_.erase(begin + 1, end);
  }
  if (runs_.size() > max_runs) to_words();
}

void SparseChunk::clear_runs(uint32_t first, uint32_t last) {
  auto begin = runs_.begin() + (run_at_or_after(first) - runs_.begin());
  auto end = begin;
  Runs rest;
  for (; end != runs_.end() && end->first <= last; ++end) {
    if (end->first < first) rest.push_back({end->first, static_cast<uint16_t>(first - 1)});
    if (end->last > last) rest.push_back({static_cast<uint16_t>(last + 1), end->last});
    count_ -= uint32_t{end->last} - end->first + 1;
  }
  for (const Run& run : rest) count_ += uint32_t{run.last} - run.first + 1;
  begin = runs_.erase(begin, end);
  runs_.insert(begin, rest.begin(), rest.end());
  if (runs_.size() > max_runs) to_words();
}

void SparseChunk::to_words() {
  auto words = std::make_unique<Words>();
  words->fill(0);
  add_to(*words);
  words_ = std::move(words);
  Runs().swap(runs_);
}

void SparseChunk::add_to(Words& out) const {
  if (words_) {
    for (size_t i = 0; i < out.size(); ++i) out[i] |= (*words_)[i];
  }
  for (const Run& run : runs_) fill(out, run.first, run.last);
}

void SparseChunk::assign(const Words& words) {
  count_ = count_of(words);
  Runs().swap(runs_);
  const uint32_t runs = runs_of(words);
  if (runs > max_runs / 2) {
    words_ = std::make_unique<Words>(words);
    return;
  }
  words_.reset();
  runs_.reserve(runs);
  for (uint32_t at = find_in(words, 0, true); at < bits;) {
    const uint32_t end = find_in(words, at, false);
    runs_.push_back({static_cast<uint16_t>(at), static_cast<uint16_t>(end - 1)});
    at = end < bits ? find_in(words, end, true) : bits;
  }
}

uint64_t SparseChunk::heap_bytes() const {
  return runs_.capacity() * sizeof(Run) + (words_ ? sizeof(Words) : 0);
}

}  // namespace oxbow
