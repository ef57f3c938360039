// The driver "blkverify": every read and write goes to an image that is being tested and to a raw
// copy that is trusted, and what is read must be the same.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/copies.h"

namespace oxbow::storage {

/// Told of a difference: "blkverify: read offset=0 bytes=512 contents mismatch at offset 0".
using MismatchSink = std::function<void(const std::string&)>;

class VerifyStorage final : public CopiesStorage {
 public:
  /// A difference fails the read with EIO, after `on_mismatch` was told.
  VerifyStorage(std::unique_ptr<Storage> trusted, std::unique_ptr<Storage> tested,
                std::string filename, MismatchSink on_mismatch)
      : CopiesStorage(both(std::move(tested), std::move(trusted)), std::move(filename)),
        on_mismatch_(std::move(on_mismatch)) {}

  [[nodiscard]] std::string driver() const override { return "blkverify"; }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> flush() override;

 private:
  static Children both(std::unique_ptr<Storage> tested, std::unique_ptr<Storage> trusted) {
    Children out;
    out.push_back(std::move(tested));
    out.push_back(std::move(trusted));
    return out;
  }
  [[nodiscard]] Storage& tested() const { return *children_[0]; }
  [[nodiscard]] Storage& trusted() const { return *children_[1]; }
  [[nodiscard]] Error differs(const char* verb, uint64_t offset, uint64_t length,
                              const std::string& what) const;
  Task<> agree(const char* verb, uint64_t offset, uint64_t length, Result<void> by_trusted,
               Result<void> by_tested) const;

  MismatchSink on_mismatch_;
};

}  // namespace oxbow::storage
