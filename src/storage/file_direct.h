// A file open with O_DIRECT: any request is made to fit the device's alignment.
#pragma once

#include "async/sync.h"
#include "base/buffer.h"
#include "storage/file_alignment.h"
#include "storage/file_storage.h"

namespace oxbow::storage {

/// Requests that fit go straight to the device; others pass through a bounce buffer.
/// Writes that share a block with another write wait for it: filling up a block means
/// writing back bytes that were read before.
class DirectFileStorage final : public FileStorage {
 public:
  DirectFileStorage(FileOptions options, Descriptor fd, uint64_t size, bool device,
                    DirectAlignment alignment)
      : FileStorage(std::move(options), std::move(fd), size, device), alignment_(alignment) {}

  Limits limits() const override;
  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;

 private:
  [[nodiscard]] bool fits(uint64_t offset, IoSpan vector) const;
  /// Reads blocks [start, start + into.size()); returns how many bytes the file had.
  Task<size_t> read_blocks(uint64_t start, std::span<std::byte> into);
  Task<> write_blocks(uint64_t start, IoSpan from, bool stable);
  /// One part of a write that does not fit: at most a bounce buffer long.
  Task<> write_part(uint64_t offset, IoSpan from, bool stable, Buffer& bounce);
  Task<> load_edges(uint64_t offset, uint64_t end, std::span<std::byte> blocks);

  DirectAlignment alignment_;
  async::RangeLock write_locks_;
};

}  // namespace oxbow::storage
