// Which parts of a buffer of source data become holes in the target: the stock tools'
// rules for -S, so that a converted image has the same map as theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace oxbow::jobs {

/// Guest bytes that are written alike.
struct SparseRun {
  uint64_t offset = 0;  ///< guest bytes
  uint64_t length = 0;  ///< > 0
  bool data = false;    ///< false: zeroes

  bool operator==(const SparseRun&) const = default;
};

/// Splits data into runs to write and runs to leave out. The rules: guest space is divided
/// into blocks of the greatest power of two not above the sparse size; a block with any
/// non-zero byte is data; zero runs between data that are shorter than the sparse size are
/// data, too; those at the ends of a scan are not.
class SparseSplitter {
 public:
  /// The stock tools look at this many bytes at a time, counted from where a data run of
  /// the source begins; a block that such a step cuts in two is judged in two parts.
  static constexpr uint64_t step = uint64_t{2} << 20;

  /// `sparse_size` in bytes, a multiple of 512; 0: all is data.
  explicit SparseSplitter(uint64_t sparse_size);

  /// Appends the runs of `bytes`, which lie at guest offset `offset` inside a data run of
  /// the source that begins at `run_begin` <= offset. Runs alike are merged, with the last
  /// one in `out`, too. Pieces handed in one after the other give the stock result if they
  /// are cut at multiples of `step`, or at those counted from `run_begin` where
  /// needs_stock_steps().
  void split(std::span<const std::byte> bytes, uint64_t offset, uint64_t run_begin,
             std::vector<SparseRun>& out) const;

  /// Whether zero runs must be looked for in exactly the stock tool's steps: sparse sizes
  /// that are no power of two, or larger than a step.
  [[nodiscard]] bool needs_stock_steps() const { return needs_stock_steps_; }

 private:
  void scan(std::span<const std::byte> bytes, uint64_t offset, std::vector<SparseRun>& out) const;

  uint64_t sparse_size_;
  uint64_t block_;
  bool needs_stock_steps_;
};

/// Appends, or lengthens the last run where that ends at `run`'s start and is of its kind.
void append_run(std::vector<SparseRun>& runs, SparseRun run);

}  // namespace oxbow::jobs
