// The driver "quorum": several stores that hold the same bytes. What enough of them agree on is
// what is read; a write has been made when enough of them made it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/copies.h"
#include "storage/verify.h"

namespace oxbow::storage {

struct QuorumOptions {
  uint64_t threshold = 0;  ///< votes that win; 1 to the number of children
  /// With two children and a threshold of 2: a read on which they differ ends in an error that
  /// is told as blkverify tells it.
  bool verify = false;
  bool rewrite_corrupted = false;  ///< children that were outvoted are written the winner's bytes
  bool first_answers = false;      ///< "fifo": the first child that can be read is believed
  MismatchSink on_mismatch;
};

class QuorumStorage final : public CopiesStorage {
 public:
  /// What contradicts itself is refused in the stock tools' words.
  static Result<void> check(const QuorumOptions& options, size_t children, bool writable);
  /// Children of different sizes are refused.
  static Result<std::unique_ptr<QuorumStorage>> create(Children children, QuorumOptions options,
                                                       std::string filename);

  [[nodiscard]] std::string driver() const override { return "quorum"; }
  [[nodiscard]] Result<uint64_t> allocated_bytes() const override;
  [[nodiscard]] Limits limits() const override { return {.has_places = false}; }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> flush() override;

 private:
  struct Ballot;

  QuorumStorage(Children children, QuorumOptions options, std::string filename)
      : CopiesStorage(std::move(children), std::move(filename)), options_(std::move(options)) {}

  Task<> read_first(uint64_t offset, IoSpan into);
  Task<> read_all(uint64_t offset, std::vector<Ballot>& ballots);
  [[nodiscard]] Result<void> verify(uint64_t offset, const std::vector<Ballot>& ballots) const;
  Task<> rewrite(uint64_t offset, const std::vector<Ballot>& ballots, size_t winner);
  [[nodiscard]] Result<void> tally(const std::vector<Result<void>>& results) const;

  QuorumOptions options_;
};

}  // namespace oxbow::storage
