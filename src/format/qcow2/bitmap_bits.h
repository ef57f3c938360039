// The bits of one bitmap, between memory and its clusters. Bits are read and written in the
// places that the table gives; a cluster more is allocated where an entry that stood for all
// zeroes or all ones no longer does, and none is ever given back while the bitmap exists.
#pragma once

#include <optional>
#include <vector>

#include "base/sparse_bits.h"
#include "format/qcow2/bitmap_directory.h"
#include "format/qcow2/refcounts.h"
#include "format/qcow2/table_cache.h"

namespace oxbow::format::qcow2 {

class BitmapBits {
 public:
  /// Reads all of it. `bytes`: of the disk.
  static Task<BitmapBits> load(storage::Source& file, const Header& header, const Bitmap& bitmap,
                               uint64_t bytes);

  [[nodiscard]] const SparseBits& bits() const { return bits_; }
  [[nodiscard]] std::span<const uint64_t> table() const { return table_; }
  void set(uint64_t first, uint64_t count);
  /// Before set() of a bitmap that is durable: on disk these bits, or more, are set when it ends.
  /// Where the disk is to be written to, it is for 512 bits at a time, or by an entry that says it
  /// of a whole cluster. The caller owes a barrier.
  Task<> set_on_disk(Gate& gate, Refcounts& refcounts, WriteBarrier& counted, uint64_t table_offset,
                     uint64_t first, uint64_t count);
  /// Whether set_on_disk() has been there.
  [[nodiscard]] bool covered_on_disk(uint64_t first, uint64_t count) const {
    return ahead_.all_set(first / batch, (first + count - 1) / batch - first / batch + 1);
  }
  void clear(uint64_t first, uint64_t count);
  /// `other` has the same granularity and size.
  void merge(const SparseBits& other);
  /// The disk's size and with it the table's has changed. Gives the clusters that the table
  /// does not name any more.
  std::vector<uint64_t> resize(uint64_t bits, uint64_t table_entries);

  /// Brings the clusters up to date, and the table at `table_offset`; `counted` makes sure that
  /// counts and contents are on disk before an entry names a new cluster. The caller owes a
  /// barrier. Fails without a trace but for clusters whose bits are newer than before.
  Task<> store(Gate& gate, Refcounts& refcounts, WriteBarrier& counted, uint64_t table_offset);

 private:
  BitmapBits(uint64_t bits, uint64_t bits_per_cluster)
      : bits_(bits), bits_per_cluster_(bits_per_cluster), ahead_((bits + batch - 1) / batch) {}

  /// Bits that are set on disk together.
  static constexpr uint64_t batch = 512;
  struct Span {
    uint64_t first;
    uint64_t count;
  };
  [[nodiscard]] uint64_t batches_per_cluster() const { return bits_per_cluster_ / batch; }
  [[nodiscard]] Span part_of_cluster(uint64_t first, uint64_t end) const;
  [[nodiscard]] bool is_whole_cluster(Span batches) const;
  Task<> write_ahead(Gate& gate, Refcounts& refcounts, WriteBarrier& counted, uint64_t table_offset,
                     uint64_t index, Span batches);
  void store_ahead(uint64_t first, std::span<std::byte> out) const;
  struct NewCluster {
    uint64_t index;
    uint64_t entry;
  };
  [[nodiscard]] std::optional<uint64_t> without_cluster(uint64_t index) const;
  Task<> write_clusters(Gate& gate, Refcounts& refcounts, std::vector<NewCluster>& made);
  Task<> write_cluster(Gate& gate, uint64_t index, uint64_t offset) const;
  Task<> link(Gate& gate, uint64_t table_offset, std::span<const NewCluster> made);

  SparseBits bits_;
  uint64_t bits_per_cluster_;
  std::vector<uint64_t> table_;
  SparseBits ahead_;    ///< batches all of whose bits are set on disk
  SparseBits changed_;  ///< clusters, by table index, that say something else than bits_
};

}  // namespace oxbow::format::qcow2
