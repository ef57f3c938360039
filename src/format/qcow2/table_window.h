// A buffer over tables of one cluster each: those that lie side by side in the file come in
// by one read.
#pragma once

#include <algorithm>
#include <cstdint>

#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {

class TableWindow {
 public:
  TableWindow(storage::Source& file, uint32_t cluster_size)
      : file_(file), cluster_size_(cluster_size) {}

  /// How many tables one read can bring.
  [[nodiscard]] uint64_t capacity() const { return std::max<uint64_t>(1, window / cluster_size_); }

  /// The table at `offset`; `in_a_row` tables from there on follow one another in the file and
  /// will be asked for next. Valid until the next call.
  Task<const std::byte*> get(uint64_t offset, uint64_t in_a_row) {
    if (offset < begin_ || offset - begin_ + cluster_size_ > filled_) {
      CO_TRY(co_await fill(offset, std::min(in_a_row, capacity())));
    }
    co_return buffer_.data() + (offset - begin_);
  }

  /// What was read is outdated.
  void forget() { filled_ = 0; }

 private:
  static constexpr uint64_t window = 1 << 20;

  Task<> fill(uint64_t offset, uint64_t tables) {
    const uint64_t length = tables * cluster_size_;
    if (buffer_.size() < length) {
      CO_TRY_ASSIGN(buffer_, Buffer::allocate(length));
    }
    filled_ = 0;
    CO_TRY(co_await read_bytes(file_, offset, buffer_.span().first(length)));
    begin_ = offset;
    filled_ = length;
    co_return {};
  }

  storage::Source& file_;
  uint64_t cluster_size_;
  Buffer buffer_;
  uint64_t begin_ = 0;
  uint64_t filled_ = 0;
};

}  // namespace oxbow::format::qcow2
