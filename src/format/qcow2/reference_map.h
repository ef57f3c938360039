// How often each cluster of a file is referred to, at one bit a cluster while that is at
// most once, and one more byte where a neighbourhood is shared (snapshots).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace oxbow::format::qcow2 {

class ReferenceMap {
 public:
  /// For clusters 0 to `clusters` - 1. out_of_memory where the bits alone would take more
  /// than 1 GiB; untouched stretches of a sparse file take none.
  static Result<ReferenceMap> create(uint64_t clusters);

  [[nodiscard]] uint64_t clusters() const { return clusters_; }
  /// One reference more to each; the range lies inside.
  void add(uint64_t first, uint64_t count);
  /// Whether any cluster of the range has references.
  [[nodiscard]] bool any(uint64_t first, uint64_t count) const;
  [[nodiscard]] uint64_t count(uint64_t cluster) const {
    if (!once(cluster)) return 0;
    return shared(cluster / per_word) ? 1 + extra(cluster) : 1;
  }
  /// Bit i: cluster 64 * word + i has references.
  [[nodiscard]] uint64_t word(uint64_t word) const { return words_[word]; }
  /// Whether one of the word's clusters may have more than one reference.
  [[nodiscard]] bool shared(uint64_t word) const {
    return chunks_[word / words_per_chunk] != nullptr;
  }
  [[nodiscard]] bool any_shared() const { return any_shared_; }
  /// One past the last cluster with a reference.
  [[nodiscard]] uint64_t end() const { return end_; }

  static constexpr uint64_t per_word = 64;

 private:
  static constexpr uint64_t per_chunk = 4096;
  static constexpr uint64_t words_per_chunk = per_chunk / per_word;
  struct Free {
    void operator()(uint64_t* words) const { std::free(words); }
  };

  [[nodiscard]] bool once(uint64_t cluster) const {
    return ((words_[cluster / per_word] >> (cluster % per_word)) & 1) != 0;
  }
  [[nodiscard]] uint64_t extra(uint64_t cluster) const;
  void add_extra(uint64_t cluster);
  void add_to_word(uint64_t word, uint64_t mask);

  uint64_t clusters_ = 0;
  uint64_t end_ = 0;
  bool any_shared_ = false;
  std::unique_ptr<uint64_t[], Free> words_;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;      // references beyond the first
  std::unordered_map<uint64_t, uint64_t> beyond_byte_;  // what does not fit there
};

}  // namespace oxbow::format::qcow2
