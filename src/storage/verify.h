// The driver "blkverify": every read and write goes to an image that is being tested and to a raw
// copy that is trusted, and what is read must be the same.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/storage.h"

namespace oxbow::storage {

/// Told of a difference: "blkverify: read offset=0 bytes=512 contents mismatch at offset 0".
using MismatchSink = std::function<void(const std::string&)>;

class VerifyStorage final : public Storage {
 public:
  /// A difference fails the read with EIO, after `on_mismatch` was told.
  VerifyStorage(std::unique_ptr<Storage> trusted, std::unique_ptr<Storage> tested,
                std::string filename, MismatchSink on_mismatch)
      : trusted_(std::move(trusted)),
        tested_(std::move(tested)),
        filename_(std::move(filename)),
        on_mismatch_(std::move(on_mismatch)) {}

  [[nodiscard]] const std::string& filename() const override { return filename_; }
  [[nodiscard]] std::string driver() const override { return "blkverify"; }
  [[nodiscard]] bool read_only() const override { return tested_->read_only(); }
  [[nodiscard]] uint64_t size() const override { return tested_->size(); }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<> close() override;

 private:
  [[nodiscard]] Error differs(const char* verb, uint64_t offset, uint64_t length,
                              const std::string& what) const;
  Task<> agree(const char* verb, uint64_t offset, uint64_t length, Result<void> trusted,
               Result<void> tested) const;

  std::unique_ptr<Storage> trusted_;
  std::unique_ptr<Storage> tested_;
  std::string filename_;
  MismatchSink on_mismatch_;
};

}  // namespace oxbow::storage
