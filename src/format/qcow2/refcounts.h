// Reference counts of host clusters and their allocation. Increments are made before
// anything links to a cluster and reach the disk first; decrements wait until the link
// is gone on disk, so a crash in between leaks and never dangles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "async/sync.h"
#include "format/qcow2/free_index.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/table_cache.h"

namespace oxbow::format::qcow2 {

/// Clusters whose link was taken out in memory: one reference each is to go.
struct Release {
  Writes kind;  ///< what they held for whoever lets go
  uint64_t cluster;
  uint64_t count;
};

/// Counts of neighbouring clusters, held in memory.
struct CountsInSlice {
  SliceRef slice;  ///< empty where there is no block: all are 0
  uint64_t first = 0;
  uint64_t end = 0;
  unsigned order = 0;

  [[nodiscard]] bool covers(uint64_t cluster) const { return cluster - first < end - first; }
  [[nodiscard]] uint64_t count(uint64_t cluster) const {
    return slice ? load_refcount(slice.data(), cluster - first, order) : 0;
  }
};

class Refcounts final : public CountsInMemory, private WriteBarrier {
 public:
  /// `header` is the image's own copy; its refcount table fields change when the table grows.
  Refcounts(Gate& gate, Header& header, uint64_t cache_bytes, bool punch_freed);

  /// Reads the refcount table (validated with the header).
  Task<> load();

  /// Takes `count` free clusters in a row for `kind`, each with a reference of 1; the first is
  /// returned as a host offset. Not yet on disk: write_back() before linking them there.
  Task<uint64_t> allocate(Writes kind, uint64_t count);
  /// A place for `length` bytes, less than a cluster, that share clusters with what was given out
  /// by the last call: packed one behind the other. Each cluster that they touch has a reference
  /// more, not yet on disk. To be given back like any: release() or apply().
  Task<uint64_t> allocate_bytes(uint64_t length);
  Task<uint64_t> refcount(uint64_t cluster);
  /// The same for many: true as long as nothing is allocated or released.
  Task<CountsInSlice> counts_around(uint64_t cluster);
  [[nodiscard]] uint64_t per_block() const { return per_block_; }
  /// Whether a block counts the cluster.
  [[nodiscard]] bool counts(uint64_t cluster) const { return has_block(block_of(cluster)); }
  /// Takes one free cluster, which a block counts, with a reference of 1.
  Task<> claim(Writes kind, uint64_t cluster);
  /// The next allocation takes the lowest place that is free.
  void search_from_start() { cursor_ = 0; }

  // For a file that is to become shorter; nobody else is at work, and nothing is in the queue.
  // Each is on disk when it has ended, and what it left is queued to be released.
  /// `cluster` is free.
  Task<> move_block(uint64_t block, uint64_t cluster);
  /// Where it reaches behind `end`, a host offset.
  Task<> move_table_down(uint64_t end);
  Task<> drop_empty_blocks();
  /// One past the last cluster with a count other than 0.
  Task<uint64_t> last_counted();
  /// The file is going to end there.
  void end_at(uint64_t cluster) { end_ = std::min(end_, cluster); }

  // For a header of version 3; nobody else is at work, and nothing is in the queue.
  /// Refused, in the stock tool's words, where a count does not fit 2^order bits.
  Task<> check_width(unsigned order);
  using WidthProgress = std::function<void(uint64_t done, uint64_t total)>;
  /// Counts are 2^order bits wide from now on. On disk when it has ended, but for the old table and
  /// its blocks, which are queued to be released.
  Task<> change_width(unsigned order, const WidthProgress& progress);

  /// One reference more each for clusters that are in use. Fails at the first whose count has
  /// no room; `raised` says how many have been raised then.
  Task<> add_references(uint64_t cluster, uint64_t count, uint64_t& raised);
  /// Whether `wanted` of the first `clusters` clusters have a count other than 0.
  Task<bool> counts_at_least(uint64_t wanted, uint64_t clusters);
  [[nodiscard]] std::optional<Wrong> first_not_one(uint64_t first, uint64_t last) const override;
  [[nodiscard]] bool known_not_one(uint64_t cluster) const override;
  /// Queues the loss of one reference each. The caller has already unlinked them in memory.
  void release(Writes kind, uint64_t host_offset, uint64_t clusters);

  /// The queue so far, for a flush: taken before the unlinking is written, applied after.
  [[nodiscard]] std::vector<Release> take_releases() { return std::exchange(releases_, {}); }
  void put_back(std::vector<Release> releases);
  /// Lowers the counts; clusters that reach 0 are punched out of the file if asked for, and
  /// only then become free for allocation.
  Task<> apply(const std::vector<Release>& releases);
  [[nodiscard]] bool has_releases() const { return !releases_.empty(); }

  /// Host offsets of the refcount blocks, 0 for none.
  [[nodiscard]] std::span<const uint64_t> blocks() const { return table_; }

  [[nodiscard]] bool dirty() const { return cache_.dirty() || !dirty_entries_.empty(); }
  /// Writes changed refcount blocks, then the table entries that link new ones. The caller
  /// owes a barrier before writing what relies on the counts.
  Task<> write_back();

  /// One past the last cluster that was ever handed out here; 0 if none was.
  [[nodiscard]] uint64_t end_of_allocations() const { return end_; }

 private:
  Task<> before_write_back() override { co_return {}; }

  [[nodiscard]] uint64_t block_of(uint64_t cluster) const { return cluster / per_block_; }
  [[nodiscard]] bool has_block(uint64_t block) const;
  Task<SliceRef> slice_of(uint64_t cluster);
  [[nodiscard]] std::optional<uint64_t> count_in_memory(uint64_t cluster) const;
  Task<uint64_t> find_free(uint64_t count);
  Task<uint64_t> allocate_locked(Writes kind, uint64_t count);
  Task<bool> share(uint64_t cluster);
  Task<> learn_region(uint64_t block);
  /// True where a block was made, so that a search made before it is void.
  Task<bool> ensure_blocks(uint64_t cluster, uint64_t count);
  Task<> create_block(uint64_t block, uint64_t cluster);
  Task<> grow_table(uint64_t block);
  Task<> write_grown_table(uint64_t first, uint64_t new_blocks, uint64_t table_clusters);
  Task<> add_reference(uint64_t cluster, uint64_t count);
  Task<> drop_references(const Release& release, std::vector<Release>& freed);
  Task<> drop_in_slice(SliceRef slice, Writes kind, uint64_t at, uint64_t stop,
                       std::vector<Release>& freed);
  Task<> write_entries();
  Task<bool> is_needless(uint64_t block);

  // A table and blocks that are to replace the present ones.
  struct NewWidth {
    unsigned order = 0;
    std::vector<uint64_t> blocks;  ///< host offsets by region, 0 for none
    uint64_t table_offset = 0;
    uint64_t table_clusters = 0;
    std::vector<Release> taken;
    size_t table_at = 0;            ///< in `taken`
    std::vector<Release> outgrown;  ///< taken, and not needed
  };
  void set_width();
  Task<std::vector<bool>> regions_in_width(unsigned order);
  Task<uint64_t> take_for(NewWidth& width, Writes kind, uint64_t clusters);
  Task<> place_width(NewWidth& width);
  Task<> fill_block(const NewWidth& width, uint64_t region, std::span<std::byte> block);
  Task<> write_width(const NewWidth& width, const WidthProgress& progress);
  void adopt_width(NewWidth width);

  Gate& gate_;
  Header& header_;
  bool punch_freed_;
  uint64_t per_block_ = 0;  // clusters that one refcount block counts
  uint64_t per_slice_ = 0;
  unsigned block_bits_ = 0;  // the same two as powers of 2
  unsigned slice_bits_ = 0;
  TableCache cache_;
  FreeIndex free_;
  std::vector<uint64_t> table_;  // host offsets of the blocks, 0 for none
  std::vector<uint64_t> dirty_entries_;
  std::vector<Release> releases_;
  uint64_t cursor_ = 0;  // no search starts below
  uint64_t end_ = 0;
  uint64_t bytes_end_ = 0;  // where allocate_bytes() goes on; 0: at a new cluster
  async::Mutex allocating_;
};

}  // namespace oxbow::format::qcow2
