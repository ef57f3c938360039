// The gate: the one door to a qcow2 image's file. It alone holds the writable handle;
// whoever changes a byte says what it writes. Reads pass straight through.
#pragma once

#include <memory>

#include "format/qcow2/metadata_class.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

/// Owns the image's file. Belongs to the image's loop; operations may overlap in time.
class Gate {
 public:
  explicit Gate(std::unique_ptr<storage::Storage> file) : file_(std::move(file)) {}

  /// To look at; only the gate can write.
  [[nodiscard]] storage::Source& file() const { return *file_; }

  Task<> read(uint64_t offset, IoSpan into) { return file_->read(offset, into); }
  Task<> write(Writes what, uint64_t offset, IoSpan from);
  /// Also counts as a write of `what`.
  Task<> write_zeroes(Writes what, uint64_t offset, uint64_t length, storage::ZeroFlags flags);
  /// The range no longer belongs to anybody.
  Task<> discard(uint64_t offset, uint64_t length);
  Task<> truncate(uint64_t size, storage::Preallocation preallocation);
  /// Writes with cache=unsafe in force make this free.
  Task<> flush() { return file_->flush(); }
  Task<> close() { return file_->close(); }

  /// A flush is owed: something was written since the last barrier().
  [[nodiscard]] bool unflushed() const { return unflushed_; }
  /// Flushes only if something was written since the last barrier.
  Task<> barrier();

 private:
  std::unique_ptr<storage::Storage> file_;
  bool unflushed_ = false;
};

}  // namespace oxbow::format::qcow2
