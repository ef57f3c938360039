// The driver "preallocate": a file that grows by small writes is made longer in large steps, so
// that the host allocates in few, long extents. What was too much is given back at the end.
#pragma once

#include <memory>

#include "storage/storage.h"

namespace oxbow::storage {

struct PreallocateOptions {
  uint64_t align = 1 << 20;    ///< bytes, a multiple of 512; the file's length is one of it
  uint64_t ahead = 128 << 20;  ///< bytes beyond what is written
};

class PreallocateStorage final : public Storage {
 public:
  PreallocateStorage(std::unique_ptr<Storage> inner, PreallocateOptions options)
      : inner_(std::move(inner)), options_(options), end_(inner_->size()), reserved_(end_) {}

  [[nodiscard]] const std::string& filename() const override { return inner_->filename(); }
  [[nodiscard]] std::string driver() const override { return "preallocate"; }
  [[nodiscard]] bool read_only() const override { return inner_->read_only(); }
  /// Where what was written ends, not the file.
  [[nodiscard]] uint64_t size() const override { return end_; }
  [[nodiscard]] Limits limits() const override;
  [[nodiscard]] Result<uint64_t> allocated_bytes() const override {
    return inner_->allocated_bytes();
  }

  Task<> read(uint64_t offset, IoSpan into) override { return inner_->read(offset, into); }
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override {
    return inner_->discard(offset, length);
  }
  Task<> flush() override { return inner_->flush(); }
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<> close() override;
  Result<void> set_sharing(Sharing sharing) override { return inner_->set_sharing(sharing); }
  void expect_bulk(bool bulk) override { inner_->expect_bulk(bulk); }
  void event(std::string_view name) override { inner_->event(name); }
  FaultControl* fault_control() override { return inner_->fault_control(); }

 private:
  Task<> reserve(uint64_t end);

  std::unique_ptr<Storage> inner_;
  PreallocateOptions options_;
  uint64_t end_;       // of what was written
  uint64_t reserved_;  // the file's length
};

}  // namespace oxbow::storage
