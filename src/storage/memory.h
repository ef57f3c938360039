// Bytes in memory: for tests, and for users who have no file.
#pragma once

#include <memory>
#include <string>

#include "storage/sparse_bytes.h"
#include "storage/storage.h"

namespace oxbow::storage {

/// Sparse: what was never written takes no memory, whatever the size.
class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(uint64_t size = 0, std::string name = "memory");
  /// With these contents.
  MemoryStorage(SparseBytes bytes, std::string name = "memory");

  const std::string& filename() const override { return name_; }
  std::string driver() const override { return "memory"; }
  bool read_only() const override { return read_only_; }
  uint64_t size() const override { return bytes_.size(); }
  Limits limits() const override;
  Result<uint64_t> allocated_bytes() const override { return bytes_.allocated(); }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> close() override;

  void set_read_only(bool read_only) { read_only_ = read_only; }
  [[nodiscard]] const SparseBytes& bytes() const { return bytes_; }

 private:
  [[nodiscard]] Result<void> check_writable() const;

  std::string name_;
  SparseBytes bytes_;
  bool read_only_ = false;
};

}  // namespace oxbow::storage
