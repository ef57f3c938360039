// Bits of which few are set, or few are not, or that lie in runs: a dirty bitmap in memory. What
// it takes follows the number of runs and never exceeds a bit a bit by more than a tenth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "base/sparse_chunk.h"

namespace oxbow {

/// Bits 0 to size() - 1. Positions lie inside; ranges may be empty.
class SparseBits {
 public:
  explicit SparseBits(uint64_t size = 0) : size_(size) {}

  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t count() const { return count_; }  ///< bits that are set
  [[nodiscard]] bool test(uint64_t bit) const { return all_set(bit, 1); }
  [[nodiscard]] bool all_set(uint64_t first, uint64_t count) const;
  [[nodiscard]] bool any_set(uint64_t first, uint64_t count) const;
  void set(uint64_t first, uint64_t count);
  void clear(uint64_t first, uint64_t count);
  /// The first from `from` on that is set, or is not; size() where there is none.
  [[nodiscard]] uint64_t next_set(uint64_t from) const;
  [[nodiscard]] uint64_t next_clear(uint64_t from) const;
  /// New bits are clear; those past a smaller end are dropped.
  void resize(uint64_t size);
  /// Sets what is set in `other`, which has the same size.
  void merge(const SparseBits& other);

  /// Bits from `first`, a multiple of 64, as bytes: bit i is bit i % 8 of byte i / 8. Both are
  /// multiples of 8 bytes long; what lies past size() is 0 and is ignored.
  void store(uint64_t first, std::span<std::byte> out) const;
  void load(uint64_t first, std::span<const std::byte> in);

  [[nodiscard]] uint64_t memory_bytes() const;  ///< on the heap

 private:
  static constexpr uint64_t chunk_bits = SparseChunk::bits;
  using Words = SparseChunk::Words;

  [[nodiscard]] uint64_t end_of_full(uint64_t chunk) const;
  void take_from_full(uint64_t begin, uint64_t end);
  void add_to_full(uint64_t begin, uint64_t end);
  void set_in_chunk(uint64_t chunk, uint32_t first, uint32_t last);
  void clear_in_chunk(uint64_t chunk, uint32_t first, uint32_t last);
  void set_chunks(uint64_t begin, uint64_t end);
  void clear_chunks(uint64_t begin, uint64_t end);
  void read_chunk(uint64_t chunk, Words& into) const;
  void write_chunk(uint64_t chunk, const Words& from);

  uint64_t size_;
  uint64_t count_ = 0;
  std::map<uint64_t, SparseChunk> partial_;  ///< by number; neither empty nor full
  std::map<uint64_t, uint64_t> full_;        ///< runs of full chunks: first, one past the last
};

}  // namespace oxbow
