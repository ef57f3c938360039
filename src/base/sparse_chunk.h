// 65,536 bits of a SparseBits: the runs that are set, in order, while there are few of them,
// else a bit each. Never more than 8 KiB.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace oxbow {

class SparseChunk {
 public:
  static constexpr uint32_t bits = 65536;
  using Words = std::array<uint64_t, bits / 64>;  ///< bit i: word i / 64, bit i % 64

  SparseChunk() = default;
  SparseChunk(const SparseChunk& other);
  SparseChunk& operator=(const SparseChunk& other);
  SparseChunk(SparseChunk&&) noexcept = default;
  SparseChunk& operator=(SparseChunk&&) noexcept = default;
  ~SparseChunk() = default;

  [[nodiscard]] uint32_t count() const { return count_; }
  /// Whether all, or any, of first..last (both included) are set.
  [[nodiscard]] bool all_set(uint32_t first, uint32_t last) const;
  [[nodiscard]] bool any_set(uint32_t first, uint32_t last) const;
  void set(uint32_t first, uint32_t last);
  void clear(uint32_t first, uint32_t last);
  /// `bits` where there is none from `from` on.
  [[nodiscard]] uint32_t next_set(uint32_t from) const;
  [[nodiscard]] uint32_t next_clear(uint32_t from) const;

  /// Sets in `out` what is set here.
  void add_to(Words& out) const;
  void assign(const Words& words);
  [[nodiscard]] uint64_t heap_bytes() const;

 private:
  struct Run {
    uint16_t first;
    uint16_t last;
  };
  static constexpr size_t max_runs = sizeof(Words) / sizeof(Run);
  using Runs = std::vector<Run>;

  [[nodiscard]] Runs::const_iterator run_at_or_after(uint32_t bit) const;
  void set_runs(uint32_t first, uint32_t last);
  void clear_runs(uint32_t first, uint32_t last);
  void to_words();
  [[nodiscard]] uint32_t find(uint32_t from, bool wanted) const;

  uint32_t count_ = 0;
  Runs runs_;
  std::unique_ptr<Words> words_;  ///< instead of runs_
};

}  // namespace oxbow
