// Moves what lies at the end of an image's file down into clusters that are
// free, so that the file can be cut: L2 tables, data, compressed data. Works on
// an image at which nobody else is at work, with everything on disk. Each batch
// is copied and counted, flushed, linked, flushed, and only then are the old
// places free (docs/crash-ordering.md). All writes pass the guard.
#pragma once

#include <oxbow/compact.h>

#include <optional>
#include <vector>

#include "base/sparse_bits.h"
#include "format/qcow2/cluster_map.h"
#include "format/qcow2/compact_entries.h"
#include "format/qcow2/l2_table_write.h"
#include "format/qcow2/overlap_guard.h"
#include "format/qcow2/reference_map.h"
#include "format/qcow2/snapshot_table.h"

namespace oxbow::format::qcow2 {

class Compactor {
 public:
  struct Parts {
    Gate& gate;
    Header& header;
    Refcounts& refcounts;
    ClusterMap& map;
    OverlapGuard& guard;
  };
  /// `snapshots`: of the image, as on disk. All must outlive this.
  Compactor(const Parts& parts, std::span<const Snapshot> snapshots, const CompactOptions& options,
            CompactResult& result)
      : gate_(parts.gate),
        header_(parts.header),
        refcounts_(parts.refcounts),
        map_(parts.map),
        guard_(parts.guard),
        snapshots_(snapshots),
        options_(options),
        result_(result) {}

  /// Looks at everything. corrupt where a check finds errors. Memory: three
  /// bits a cluster of the file, a byte where clusters are shared.
  Task<> plan();
  /// Leaks are freed, then all is moved that can be. At most 32 MiB for entries
  /// besides.
  Task<> move();
  /// Where the file would end if nothing stays behind; host bytes, after plan().
  [[nodiscard]] uint64_t end_aimed_at() const { return offset_of(target_); }
  /// Refcount blocks that count nothing are dropped, the file is cut behind its
  /// last cluster, and what is free before it becomes holes.
  Task<> finish();

 private:
  /// Clusters of the file; one past the last.
  struct Window {
    uint64_t first;
    uint64_t end;
  };
  [[nodiscard]] uint64_t offset_of(uint64_t cluster) const {
    return cluster << header_.cluster_bits;
  }
  /// An entry counts as often as its table is referred to.
  [[nodiscard]] uint64_t references_by(std::span<const DataLink> links) const {
    uint64_t sum = 0;
    for (const DataLink& link : links) sum += references_.count(link.table >> header_.cluster_bits);
    return sum;
  }
  [[nodiscard]] bool movable(uint64_t cluster) const {
    return cluster >= target_ && cluster < used_.size() && used_.test(cluster) &&
           !fixed_.test(cluster);
  }
  Task<> note_counts();
  void set_target();
  Task<> free_leaks();
  Task<> settle();
  std::optional<uint64_t> take_destination();
  void moved(uint64_t from, uint64_t to);
  void tell_progress();

  /// A batch says false where the window has more entries than memory is meant
  /// for.
  Task<> for_windows(Task<bool> (Compactor::*batch)(Window));
  Task<bool> move_tables(Window window);
  Task<> relink_tables(std::span<const TableLink> links);
  Task<> relink_snapshot(const Snapshot& snapshot, std::span<const TableLink> links);
  Task<bool> move_data(Window window);
  Task<bool> move_compressed(Window window);
  Task<> copy_plain(std::span<const Move> moves);
  Task<> copy_bytes(Writes kind, uint64_t from, uint64_t to, uint64_t length);
  Task<> write_bytes(Writes kind, uint64_t to, std::span<const std::byte> bytes);
  Task<> count_all(std::span<const Move> moves);
  Task<> relink_entries(std::vector<DataLink>& links);
  [[nodiscard]] TableUsers users_of(uint64_t table) const;
  Task<> punch(uint64_t end);

  Gate& gate_;
  Header& header_;
  Refcounts& refcounts_;
  ClusterMap& map_;
  OverlapGuard& guard_;
  std::span<const Snapshot> snapshots_;
  const CompactOptions& options_;
  CompactResult& result_;
  ReferenceMap references_;  ///< of tables, also where they are moved to
  SparseBits used_;
  SparseBits fixed_;        ///< counted otherwise than referred to, or not reached by
                            ///< the tables
  SparseBits leaked_;       ///< counted, and nobody refers to it
  uint64_t target_ = 0;     ///< the cluster at which the file would end
  uint64_t next_free_ = 0;  ///< no destination lies before
  uint64_t to_move_ = 0;    ///< clusters
  uint64_t done_ = 0;
};

}  // namespace oxbow::format::qcow2
