// What the formats share that are only read and do not tell where their bytes lie: one run of
// data without places, and nothing that changes them.
#pragma once

#include <memory>
#include <utility>

#include "format/format.h"

namespace oxbow::format {

/// Refuses an open for writing, in the stock tools' words.
inline Result<void> refuse_writing(bool writable) {
  if (!writable) return {};
  return fail(ErrorKind::read_only, "Image is read-only", EACCES);
}

class OpaqueFormat : public Format {
 public:
  [[nodiscard]] bool read_only() const final { return true; }
  [[nodiscard]] storage::Source& file() final { return *file_; }
  [[nodiscard]] std::optional<bool> dirty() const final { return std::nullopt; }

  Task<Run> map(uint64_t offset, uint64_t length) final {
    co_return Run{length, RunKind::data, false, offset};
  }
  Task<> read_host(Place at, IoSpan into) final { return read_guest(at.guest, into); }
  Task<> read_compressed(uint64_t offset, IoSpan into) final { return read_guest(offset, into); }

  Task<WritePlan> prepare_write(uint64_t, uint64_t) final { return refuse<WritePlan>(); }
  Task<> write_host(Place, IoSpan) final { return refuse<void>(); }
  Task<> commit_write(WritePlan&) final { return refuse<void>(); }
  Task<> abort_write(WritePlan&) final { return refuse<void>(); }
  Task<uint64_t> zero_units(uint64_t, uint64_t, ZeroFlags) final { return refuse<uint64_t>(); }
  Task<> discard(uint64_t, uint64_t) final { return refuse<void>(); }
  Task<> resize(uint64_t, storage::Preallocation, bool) final { return refuse<void>(); }
  Task<> flush() final { co_return {}; }
  Task<> close() final { return file_->close(); }

 protected:
  explicit OpaqueFormat(std::unique_ptr<storage::Storage> file) : file_(std::move(file)) {}
  /// Fills `into` with the guest bytes from `offset` on; they lie inside the virtual size.
  virtual Task<> read_guest(uint64_t offset, IoSpan into) = 0;

 private:
  template <class T>
  Task<T> refuse() {
    co_return fail(ErrorKind::read_only, "Block node is read-only", EPERM);
  }

  std::unique_ptr<storage::Storage> file_;
};

}  // namespace oxbow::format
