// The states that a power cut may leave: everything before some flush is there, of what
// came after it any part.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/crash.h"

namespace oxbow::storage {

struct CrashOptions {
  /// Epochs of at most this many operations: every subset of them. Longer ones: every
  /// prefix, every prefix without one of its last `exhaustive` operations, every
  /// operation alone, and `samples` random subsets.
  size_t exhaustive = 8;
  size_t samples = 64;
  uint64_t seed = 1;
  /// Also states in which the last write that was under way is torn: some of its sectors
  /// are new, the others old.
  bool torn = false;
  uint32_t sector = 512;
  /// States of epochs before this one are left out.
  size_t first_epoch = 0;
};

struct CrashState {
  SparseBytes contents;
  /// Flushes that had completed: what they promised must be in `contents`.
  size_t flushes = 0;
  /// The log's operations of the epoch that are in it, ascending; the last may be torn.
  std::vector<size_t> present;
  /// "after flush 3: write 0+512, truncate 4096": enough to find it again.
  std::string description;
};

struct CrashCounts {
  size_t states = 0;
  size_t torn = 0;            ///< of them
  size_t epochs = 0;          ///< that had operations
  size_t sampled_epochs = 0;  ///< too long for every subset
  size_t longest_epoch = 0;   ///< operations
};

/// Walks through the states, in the same order each time. `log` must stay and not change.
///
///     CrashStates states(storage.log(), {});
///     while (auto state = states.next()) { MemoryStorage disk(state->contents); ... }
class CrashStates {
 public:
  explicit CrashStates(const CrashLog& log, CrashOptions options = {});

  std::optional<CrashState> next();
  /// Of the states given out so far.
  [[nodiscard]] const CrashCounts& counts() const { return counts_; }

 private:
  using Subset = std::vector<size_t>;

  struct Candidate {
    Subset present;
    std::optional<uint64_t> torn_sectors;  ///< seed of the choice of the last one's sectors
  };

  void enter_epoch();
  void add_all_subsets(size_t count);
  void add_chosen_subsets(size_t count);
  void add_torn();
  /// A later operation is there and an earlier FUA write is not: no power cut does that.
  [[nodiscard]] bool legal(const Subset& subset) const;
  void apply_torn(const CrashOperation& operation, uint64_t seed, SparseBytes& bytes) const;
  [[nodiscard]] CrashState build(const Candidate& candidate) const;

  const CrashLog& log_;
  CrashOptions options_;
  std::mt19937_64 random_;
  SparseBytes base_;  // with all epochs before the present one
  size_t epoch_ = 0;
  std::vector<Candidate> candidates_;
  size_t next_candidate_ = 0;
  CrashCounts counts_;
};

}  // namespace oxbow::storage
