// Which host clusters are free, in memory: a bitmap a refcount block, filled the first
// time an allocation comes by and kept exact from then on. Allocation reads no tables.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace oxbow::format::qcow2 {

/// Regions are the clusters that one refcount block counts. A region is unknown until
/// load() or set_empty() told what it holds. Full regions cost no bitmap, nor do empty ones.
class FreeIndex {
 public:
  explicit FreeIndex(uint64_t clusters_per_region) : region_size_(clusters_per_region) {}

  [[nodiscard]] bool knows(uint64_t region) const { return regions_.contains(region); }
  void set_empty(uint64_t region) { regions_[region] = {}; }
  /// `used(i)` for each cluster i of the region, counted from its first.
  template <class Used>
  void load(uint64_t region, Used used) {
    Region& loaded = regions_[region] = {};
    for (uint64_t i = 0; i < region_size_; ++i) {
      if (used(i)) set_used(loaded, i);
    }
  }

  /// No effect on regions that are not known.
  void mark_used(uint64_t cluster, uint64_t count);
  void mark_free(uint64_t cluster, uint64_t count);

  /// Looks for `count` free clusters in a row from `from` on. Either their first, or the
  /// region that must be made known before the search can go on.
  struct Search {
    bool found = false;
    uint64_t cluster = 0;
    uint64_t unknown_region = 0;
  };
  [[nodiscard]] Search find(uint64_t from, uint64_t count) const;

 private:
  struct Region {
    uint64_t used = 0;
    std::vector<uint64_t> words;  // empty while nothing or everything is used
  };
  template <class Change>
  void for_known(uint64_t cluster, uint64_t count, Change change);
  void set_used(Region& region, uint64_t index);
  void set_free(Region& region, uint64_t index);
  [[nodiscard]] uint64_t next_free(const Region& region, uint64_t index) const;
  [[nodiscard]] uint64_t next_used(const Region& region, uint64_t index) const;

  uint64_t region_size_;
  std::unordered_map<uint64_t, Region> regions_;
};

}  // namespace oxbow::format::qcow2
