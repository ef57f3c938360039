// A storage in memory that remembers the order of writes and flushes, so that a test can
// look at every state a power cut might leave behind.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/sparse_bytes.h"
#include "storage/storage.h"

namespace oxbow::storage {

/// One change of the contents.
struct CrashOperation {
  enum class Kind : uint8_t { write, zero, truncate };

  Kind kind = Kind::write;
  uint64_t offset = 0;  ///< for truncate: the new size
  uint64_t length = 0;
  std::shared_ptr<const std::vector<std::byte>> data;  ///< write only
  bool fua = false;                                    ///< durable when it completed

  /// "write 65536+512": for messages of tests.
  [[nodiscard]] std::string describe() const;
  void apply_to(SparseBytes& bytes) const;
};

/// What was done, cut by flushes: everything in an epoch was durable before the first
/// operation of the next one began.
struct CrashLog {
  SparseBytes start;  ///< the contents before the first operation
  std::vector<std::vector<CrashOperation>> epochs{1};
};

/// Operations complete at once and in the order in which they are made. A discard counts
/// as writing zeroes: of a discarded range a power cut leaves the old bytes or zeroes.
class CrashStorage final : public Storage {
 public:
  explicit CrashStorage(SparseBytes start = {}, std::string name = "crash");

  const std::string& filename() const override { return name_; }
  std::string driver() const override { return "crash"; }
  bool read_only() const override { return false; }
  uint64_t size() const override { return now_.size(); }
  Limits limits() const override;
  Result<uint64_t> allocated_bytes() const override { return now_.allocated(); }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> close() override;

  /// Flushes completed: the number of the present epoch.
  [[nodiscard]] size_t flush_count() const { return log_.epochs.size() - 1; }
  [[nodiscard]] const CrashLog& log() const { return log_; }
  /// What a reader sees now, without a power cut.
  [[nodiscard]] const SparseBytes& bytes() const { return now_; }

 private:
  void record(CrashOperation operation);

  std::string name_;
  SparseBytes now_;
  CrashLog log_;
};

}  // namespace oxbow::storage
