#include "base/sparse_bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace oxbow {
namespace {

// The bytes of a stored bitmap are the words' own.
static_assert(std::endian::native == std::endian::little);

constexpr uint64_t chunk_bits = SparseChunk::bits;

// Calls part(chunk, first, last) for the parts of chunks at the range's ends, and
// whole(begin, end) for the chunks between.
template <class Part, class Whole>
void divide(uint64_t first, uint64_t count, Part part, Whole whole) {
  if (count == 0) return;
  const uint64_t last = first + count - 1;
  uint64_t begin = first / chunk_bits;
  uint64_t end = last / chunk_bits + 1;
  const auto from = static_cast<uint32_t>(first % chunk_bits);
  const auto to = static_cast<uint32_t>(last % chunk_bits);
  if (begin + 1 == end && (from != 0 || to != chunk_bits - 1)) return part(begin, from, to);
  if (from != 0) part(begin++, from, chunk_bits - 1);
  if (to != chunk_bits - 1) part(--end, 0, to);
  if (begin < end) whole(begin, end);
}

}  // namespace

// Where the run of full chunks that holds `chunk` ends; `chunk` where none does.
uint64_t SparseBits::end_of_full(uint64_t chunk) const {
  auto run = full_.upper_bound(chunk);
  if (run == full_.begin()) return chunk;
  return std::max((--run)->second, chunk);
}

void SparseBits::take_from_full(uint64_t begin, uint64_t end) {
  auto run = full_.upper_bound(begin);
  if (run != full_.begin() && std::prev(run)->second > begin) --run;
  while (run != full_.end() && run->first < end) {
    const auto [first, last] = *run;
    run = full_.erase(run);
    if (first < begin) full_.emplace(first, begin);
    if (last > end) full_.emplace(end, last);
    count_ -= (std::min(last, end) - std::max(first, begin)) * chunk_bits;
  }
}

void SparseBits::add_to_full(uint64_t begin, uint64_t end) {
  take_from_full(begin, end);
  count_ += (end - begin) * chunk_bits;
  auto after = full_.lower_bound(end);
  if (after != full_.end() && after->first == end) {
    end = after->second;
    after = full_.erase(after);
  }
  if (after != full_.begin() && std::prev(after)->second == begin) {
    std::prev(after)->second = end;
  } else {
    full_.emplace(begin, end);
  }
}

void SparseBits::set_in_chunk(uint64_t chunk, uint32_t first, uint32_t last) {
  if (end_of_full(chunk) != chunk) return;
  const auto place = partial_.try_emplace(chunk).first;
  count_ -= place->second.count();
  place->second.set(first, last);
  if (place->second.count() == chunk_bits) {
    partial_.erase(place);
    add_to_full(chunk, chunk + 1);
  } else {
    count_ += place->second.count();
  }
}

void SparseBits::clear_in_chunk(uint64_t chunk, uint32_t first, uint32_t last) {
  auto place = partial_.find(chunk);
  if (end_of_full(chunk) != chunk) {
    take_from_full(chunk, chunk + 1);
    place = partial_.try_emplace(chunk).first;
    place->second.set(0, chunk_bits - 1);
    count_ += chunk_bits;
  }
  if (place == partial_.end()) return;
  count_ -= place->second.count();
  place->second.clear(first, last);
  count_ += place->second.count();
  if (place->second.count() == 0) partial_.erase(place);
}

void SparseBits::set_chunks(uint64_t begin, uint64_t end) {
  clear_chunks(begin, end);
  add_to_full(begin, end);
}

void SparseBits::clear_chunks(uint64_t begin, uint64_t end) {
  take_from_full(begin, end);
  const auto first = partial_.lower_bound(begin);
  auto last = first;
  for (; last != partial_.end() && last->first < end; ++last) count_ -= last->second.count();
  partial_.erase(first, last);
}

void SparseBits::set(uint64_t first, uint64_t count) {
  divide(
      first, count,
      [&](uint64_t chunk, uint32_t from, uint32_t to) { set_in_chunk(chunk, from, to); },
      [&](uint64_t begin, uint64_t end) { set_chunks(begin, end); });
}

void SparseBits::clear(uint64_t first, uint64_t count) {
  divide(
      first, count,
      [&](uint64_t chunk, uint32_t from, uint32_t to) { clear_in_chunk(chunk, from, to); },
      [&](uint64_t begin, uint64_t end) { clear_chunks(begin, end); });
}

bool SparseBits::all_set(uint64_t first, uint64_t count) const {
  return count == 0 || next_clear(first) >= first + count;
}

bool SparseBits::any_set(uint64_t first, uint64_t count) const {
  return count != 0 && next_set(first) < first + count;
}

uint64_t SparseBits::next_set(uint64_t from) const {
  if (from >= size_) return size_;
  const uint64_t chunk = from / chunk_bits;
  if (end_of_full(chunk) != chunk) return from;
  auto partial = partial_.lower_bound(chunk);
  if (partial != partial_.end() && partial->first == chunk) {
    const uint32_t found = partial->second.next_set(static_cast<uint32_t>(from % chunk_bits));
    if (found != chunk_bits) return chunk * chunk_bits + found;
    ++partial;
  }
  uint64_t next = size_;
  if (partial != partial_.end()) {
    next = partial->first * chunk_bits + partial->second.next_set(0);
  }
  const auto run = full_.upper_bound(chunk);
  if (run != full_.end()) next = std::min(next, run->first * chunk_bits);
  return next;
}

uint64_t SparseBits::next_clear(uint64_t from) const {
  while (from < size_) {
    const uint64_t chunk = from / chunk_bits;
    const auto partial = partial_.find(chunk);
    if (partial != partial_.end()) {
      const uint32_t found = partial->second.next_clear(static_cast<uint32_t>(from % chunk_bits));
      if (found != chunk_bits) return std::min(chunk * chunk_bits + found, size_);
      from = (chunk + 1) * chunk_bits;
      continue;
    }
    const uint64_t end = end_of_full(chunk);
    if (end == chunk) return from;
    from = end * chunk_bits;
  }
  return size_;
}

void SparseBits::resize(uint64_t size) {
  if (size < size_) clear(size, size_ - size);
  size_ = size;
}

void SparseBits::read_chunk(uint64_t chunk, Words& into) const {
  into.fill(end_of_full(chunk) == chunk ? 0 : ~uint64_t{0});
  const auto partial = partial_.find(chunk);
  if (partial != partial_.end()) partial->second.add_to(into);
}

void SparseBits::write_chunk(uint64_t chunk, const Words& from) {
  clear_chunks(chunk, chunk + 1);
  SparseChunk made;
  made.assign(from);
  if (made.count() == chunk_bits) return add_to_full(chunk, chunk + 1);
  if (made.count() == 0) return;
  count_ += made.count();
  partial_.insert_or_assign(chunk, std::move(made));
}

void SparseBits::merge(const SparseBits& other) {
  for (const auto& [begin, end] : other.full_) set_chunks(begin, end);
  Words words;
  for (const auto& [chunk, bits] : other.partial_) {
    read_chunk(chunk, words);
    bits.add_to(words);
    write_chunk(chunk, words);
  }
}

void SparseBits::store(uint64_t first, std::span<std::byte> out) const {
  Words words;
  while (!out.empty()) {
    const uint64_t at = first % chunk_bits / 8;
    const size_t length = std::min<size_t>(out.size(), sizeof(Words) - at);
    read_chunk(first / chunk_bits, words);
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(words.data()) + at, length);
    out = out.subspan(length);
    first += length * 8;
  }
}

void SparseBits::load(uint64_t first, std::span<const std::byte> in) {
  Words words;
  for (; !in.empty() && first < size_;) {
    const uint64_t at = first % chunk_bits / 8;
    const size_t length = std::min<size_t>(in.size(), sizeof(Words) - at);
    read_chunk(first / chunk_bits, words);
    std::memcpy(reinterpret_cast<std::byte*>(words.data()) + at, in.data(), length);
    write_chunk(first / chunk_bits, words);
    in = in.subspan(length);
    first += length * 8;
  }
  const uint64_t held = (size_ + chunk_bits - 1) / chunk_bits * chunk_bits;
  if (held != size_) clear(size_, held - size_);
}

uint64_t SparseBits::memory_bytes() const {
  constexpr uint64_t links = 4 * sizeof(void*);  // of a node of std::map
  uint64_t bytes = full_.size() * (links + 2 * sizeof(uint64_t));
  for (const auto& [chunk, bits] : partial_) {
    bytes += links + sizeof(chunk) + sizeof(bits) + bits.heap_bytes();
  }
  return bytes;
}

}  // namespace oxbow
