// The drivers "null-co" and "null-aio": a store that keeps nothing, to measure what the
// layers above it cost.
#pragma once

#include <chrono>
#include <string>

#include "storage/storage.h"

namespace oxbow::storage {

struct NullOptions {
  std::string driver = "null-co";  ///< or "null-aio"
  std::string filename;            ///< as messages show it; empty: "null-co://"
  uint64_t size = uint64_t{1} << 30;
  bool read_zeroes = false;            ///< false: a read leaves the buffer as it was
  std::chrono::nanoseconds latency{};  ///< of every request
};

class NullStorage final : public Storage {
 public:
  explicit NullStorage(NullOptions options);

  const std::string& filename() const override { return options_.filename; }
  std::string driver() const override { return options_.driver; }
  bool read_only() const override { return false; }
  uint64_t size() const override { return options_.size; }
  Limits limits() const override { return {.fast_zeroes = true}; }
  Result<uint64_t> allocated_bytes() const override { return 0; }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> close() override;

 private:
  Task<> pass_time() const;

  NullOptions options_;
};

}  // namespace oxbow::storage
