// A resizable array of bytes that stores only what was written, in pages that copies
// share until one of them writes: a copy costs a table, not the contents.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "base/io_vector.h"

namespace oxbow::storage {

class SparseBytes {
 public:
  static constexpr size_t page_size = 4096;

  struct Extent {
    uint64_t length = 0;
    bool stored = false;  ///< false: reads as zeroes and takes no memory
  };

  [[nodiscard]] uint64_t size() const { return size_; }
  /// Bytes of pages, shared ones counted like any other.
  [[nodiscard]] uint64_t allocated() const { return pages_.size() * page_size; }

  /// What lies beyond the end reads as zeroes.
  void read(uint64_t offset, IoSpan into) const;
  /// Writes and zeroes grow the array where they end beyond it.
  void write(uint64_t offset, IoSpan from);
  void zero(uint64_t offset, uint64_t length);
  /// New bytes are zeroes, also where there was something before a shrink.
  void resize(uint64_t size);
  /// The pages from `offset` on that are alike, at most `length` bytes of them.
  [[nodiscard]] Extent extent(uint64_t offset, uint64_t length) const;

  /// Same size, same bytes.
  friend bool operator==(const SparseBytes& a, const SparseBytes& b);

 private:
  using Page = std::array<std::byte, page_size>;
  using Pages = std::map<uint64_t, std::shared_ptr<Page>>;  // by page number

  [[nodiscard]] const Page* find(uint64_t number) const;
  Page& own(uint64_t number);
  void clear_in_page(uint64_t offset, uint64_t length);

  Pages pages_;
  uint64_t size_ = 0;
};

}  // namespace oxbow::storage
