// Sequential reading of metadata tables in large pieces: callers see consecutive bytes,
// the file sees few requests, and memory stays bounded whatever a header claims.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/buffer.h"
#include "base/bytes.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

/// Fills `into` from the file; what lies beyond its end is zero.
inline Task<> read_bytes(storage::Source& file, uint64_t offset, std::span<std::byte> into) {
  const iovec slice = io_slice(into);
  co_return co_await file.read(offset, IoSpan(&slice, 1));
}

/// Fills `into` with the big-endian numbers that begin at `offset`.
inline Task<> read_entries(storage::Source& file, uint64_t offset, std::span<uint64_t> into) {
  CO_TRY(co_await read_bytes(file, offset, std::as_writable_bytes(into)));
  for (uint64_t& entry : into) entry = load_be<uint64_t>(&entry);
  co_return {};
}

/// A window that moves forward over [begin, end) of a file.
class MetadataReader {
 public:
  /// `piece`: bytes asked for at once.
  MetadataReader(storage::Source& file, uint64_t begin, uint64_t end, size_t piece = 256 << 10)
      : file_(file), at_(begin), end_(end), piece_(piece) {}

  [[nodiscard]] uint64_t position() const { return at_; }
  [[nodiscard]] uint64_t left() const { return end_ - at_; }
  /// The next `length` bytes, at most left(); valid until the next call.
  Task<std::span<const std::byte>> next(size_t length) {
    if (at_ + length > window_begin_ + window_size_ || window_size_ == 0) {
      CO_TRY(co_await fill(length));
    }
    const std::span<const std::byte> bytes = window_.span().subspan(at_ - window_begin_, length);
    at_ += length;
    co_return bytes;
  }
  void skip(uint64_t length) { at_ += length; }

 private:
  Task<> fill(size_t length) {
    const size_t wanted = std::min<uint64_t>(std::max(length, piece_), end_ - at_);
    if (window_.size() < wanted) {
      CO_TRY_ASSIGN(window_, Buffer::allocate(wanted));
    }
    window_size_ = 0;
    CO_TRY(co_await read_bytes(file_, at_, window_.span().first(wanted)));
    window_begin_ = at_;
    window_size_ = wanted;
    co_return {};
  }

  storage::Source& file_;
  uint64_t at_;
  uint64_t end_;
  size_t piece_;
  Buffer window_;
  uint64_t window_begin_ = 0;
  size_t window_size_ = 0;
};

}  // namespace oxbow::format::qcow2
