// The bytes that hold a LUKS header and its key slots, wherever they are: the beginning of a LUKS
// file, or clusters of a qcow2 image.
#pragma once

#include <cstddef>
#include <span>

#include "async/task.h"
#include "base/buffer.h"
#include "base/io_vector.h"
#include "storage/storage.h"

namespace oxbow::format::luks {

using async::Task;

class HeaderBytes {
 public:
  virtual ~HeaderBytes() = default;
  virtual Task<> read(uint64_t offset, std::span<std::byte> into) = 0;
  virtual Task<> write(uint64_t offset, std::span<const std::byte> from) = 0;
  /// What was written is on stable media.
  virtual Task<> barrier() = 0;
};

/// Of a file that is nothing but a LUKS volume.
class FileHeaderBytes final : public HeaderBytes {
 public:
  explicit FileHeaderBytes(storage::Storage& file) : file_(file) {}

  Task<> read(uint64_t offset, std::span<std::byte> into) override {
    const iovec part = io_slice(into);
    co_return co_await file_.read(offset, IoSpan(&part, 1));
  }
  Task<> write(uint64_t offset, std::span<const std::byte> from) override {
    const iovec part = io_slice(from);
    co_return co_await file_.write(offset, IoSpan(&part, 1));
  }
  Task<> barrier() override { return file_.flush(); }

 private:
  storage::Storage& file_;
};

}  // namespace oxbow::format::luks
