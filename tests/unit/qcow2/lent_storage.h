// A storage that stays with the test when an image that was given it is closed and gone.
#pragma once

#include <memory>
#include <string>

#include "storage/storage.h"

namespace oxbow::storage {

class LentStorage : public Storage {
 public:
  explicit LentStorage(std::shared_ptr<Storage> owned) : inner_(std::move(owned)) {}

  const std::string& filename() const override { return inner_->filename(); }
  std::string driver() const override { return inner_->driver(); }
  bool read_only() const override { return inner_->read_only(); }
  uint64_t size() const override { return inner_->size(); }
  Limits limits() const override { return inner_->limits(); }
  Result<uint64_t> allocated_bytes() const override { return inner_->allocated_bytes(); }

  Task<> read(uint64_t offset, IoSpan into) override { return inner_->read(offset, into); }
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags) override {
    return inner_->write(offset, from, flags);
  }
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) override {
    return inner_->write_zeroes(offset, length, flags);
  }
  Task<> discard(uint64_t offset, uint64_t length) override {
    return inner_->discard(offset, length);
  }
  Task<> flush() override { return inner_->flush(); }
  Task<> truncate(uint64_t size, Preallocation preallocation) override {
    return inner_->truncate(size, preallocation);
  }
  Task<Status> status(uint64_t offset, uint64_t length) override {
    return inner_->status(offset, length);
  }
  Task<> close() override { return inner_->flush(); }
  void event(std::string_view name) override { inner_->event(name); }

 protected:
  std::shared_ptr<Storage> inner_;
};

}  // namespace oxbow::storage
