// A storage over another that ends where a device does, and cannot grow.
#pragma once

#include <memory>

#include "lent_storage.h"

namespace oxbow::testing {

class FixedStorage final : public storage::LentStorage {
 public:
  FixedStorage(std::shared_ptr<storage::Storage> inner, uint64_t bytes)
      : LentStorage(std::move(inner)), bytes_(bytes) {}

  [[nodiscard]] uint64_t size() const override { return bytes_; }
  async::Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    CO_TRY(within(offset, io_length(from)));
    co_return co_await inner_->write(offset, from, flags);
  }
  async::Task<> write_zeroes(uint64_t offset, uint64_t length, storage::ZeroFlags flags) override {
    CO_TRY(within(offset, length));
    co_return co_await inner_->write_zeroes(offset, length, flags);
  }
  async::Task<> truncate(uint64_t size, storage::Preallocation) override {
    if (size == bytes_) co_return {};
    co_return fail(ErrorKind::unsupported, "Cannot resize device files", ENOTSUP);
  }

 private:
  [[nodiscard]] Result<void> within(uint64_t offset, uint64_t length) const {
    if (offset + length <= bytes_) return {};
    return fail(ErrorKind::no_space, "the device is full", ENOSPC);
  }

  uint64_t bytes_;
};

}  // namespace oxbow::testing
