#include "format/qcow2/usage.h"

#include <unordered_map>

#include "format/qcow2/bitmap_directory.h"
#include "format/qcow2/check_references.h"
#include "format/qcow2/survey.h"
#include "format/qcow2/tree_walk.h"

namespace oxbow::format::qcow2 {
namespace {

// Clusters to which shared L2 tables refer, by the table's own.
using SharedTables = std::unordered_map<uint64_t, uint64_t>;

// Adds up what one tree holds. A table to which another tree refers, too,
// shares all that it names, so it need not be looked into more than once.
class TreeHolder final : public TreeVisitor {
 public:
  TreeHolder(const ReferenceMap& references, SharedTables& tables, unsigned cluster_bits)
      : references_(references), tables_(tables), cluster_bits_(cluster_bits) {}

  Task<> visit_run(const TreeRun& run) override {
    if (run.tables) {
      table_ = run.cluster;
      table_is_own_ = references_.count(run.cluster) == 1;
      ++(table_is_own_ ? exclusive_ : shared_);
    } else if (!table_is_own_) {
      tables_[table_] += run.count;
      shared_ += run.count;
    } else {
      for (uint64_t i = 0; i < run.count; ++i) CO_TRY(add(run.cluster + i));
    }
    co_return {};
  }
  Task<bool> wants_table(size_t, uint64_t) override {
    if (table_is_own_) co_return true;
    const auto [known, is_new] = tables_.try_emplace(table_, 0);
    if (!is_new) shared_ += known->second;
    co_return is_new;
  }

  /// Of the L1 table.
  void add_table(uint64_t offset, uint64_t bytes) {
    const uint64_t first = offset >> cluster_bits_;
    const uint64_t end = (offset + bytes + (uint64_t{1} << cluster_bits_) - 1) >> cluster_bits_;
    for (uint64_t i = first; i < end; ++i) ++(references_.count(i) == 1 ? exclusive_ : shared_);
  }

  /// When the tree has been walked.
  [[nodiscard]] HeldBytes held() const {
    uint64_t own = 0;
    for (uint64_t i = 0; several_ && i < several_->end(); ++i) {
      const uint64_t count = several_->count(i);
      if (count != 0 && count == references_.count(i)) ++own;
    }
    // Each of them was counted as shared once.
    return {(exclusive_ + own) << cluster_bits_, (shared_ - own) << cluster_bits_};
  }

 private:
  Result<void> add(uint64_t cluster) {
    if (references_.count(cluster) == 1) {
      ++exclusive_;
      return {};
    }
    // Perhaps all of the references are this tree's: compressed clusters share
    // their host's.
    if (!several_) {
      TRY_ASSIGN(several_, ReferenceMap::create(references_.clusters()));
    }
    if (several_->count(cluster) == 0) ++shared_;
    several_->add(cluster, 1);
    return {};
  }

  const ReferenceMap& references_;
  SharedTables& tables_;
  unsigned cluster_bits_;
  uint64_t table_ = 0;
  bool table_is_own_ = false;
  uint64_t exclusive_ = 0;
  uint64_t shared_ = 0;
  std::optional<ReferenceMap> several_;  // this tree's references to what has more than one
};

class Measurer {
 public:
  Measurer(storage::Source& file, const Header& header, const ReferenceMap& references,
           LayerUsage& usage)
      : file_(file), header_(header), references_(references), usage_(usage) {}

  Task<> measure(std::span<const Snapshot> snapshots) {
    CO_TRY_ASSIGN(usage_.disk, co_await tree(header_.l1_table_offset, header_.l1_size));
    for (const Snapshot& snapshot : snapshots) {
      CO_TRY_ASSIGN(const HeldBytes held,
                    co_await tree(snapshot.l1_table_offset, snapshot.l1_size));
      usage_.snapshots.push_back({snapshot.id, snapshot.name, held});
    }
    CO_TRY(co_await bitmaps());
    usage_.metadata += header_.cluster_size() + whole(snapshot_table_bytes(snapshots)) +
                       (header_.crypto ? whole(header_.crypto->length) : 0);
    co_return {};
  }

  // What is counted, against what is referred to.
  Task<> compare(RefcountReader& refcounts) {
    usage_.metadata += uint64_t{header_.refcount_table_clusters} * header_.cluster_size();
    for (uint64_t i = 0; i < refcounts.table().size(); ++i) {
      if (refcounts.block(i) != 0) usage_.metadata += header_.cluster_size();
    }
    const uint64_t per_block = (uint64_t{header_.cluster_size()} * 8) >> header_.refcount_order;
    const uint64_t clusters = div_round_up(file_.size(), header_.cluster_size());
    uint64_t leaked = 0;
    uint64_t free = 0;
    for (uint64_t i = 0; i < clusters; ++i) {
      if (references_.any(i, 1)) continue;
      uint64_t count = 0;
      if (const auto near = refcounts.find(i)) {
        count = *near;
      } else if (refcounts.block(i / per_block) != 0) {
        CO_TRY_ASSIGN(count, co_await refcounts.get(i));
      }
      ++(count != 0 ? leaked : free);
    }
    usage_.leaked = leaked << header_.cluster_bits;
    usage_.free = free << header_.cluster_bits;
    co_return {};
  }

 private:
  [[nodiscard]] uint64_t whole(uint64_t bytes) const {
    return align_up(bytes, header_.cluster_size());
  }

  Task<HeldBytes> tree(uint64_t offset, uint64_t entries) {
    TreeHolder holder(references_, tables_, header_.cluster_bits);
    holder.add_table(offset, entries * 8);
    for (uint64_t first = 0; first < entries; first += l1_piece) {
      CO_TRY_ASSIGN(
          const std::vector<uint64_t> l1,
          co_await read_l1_piece(file_, offset, first, std::min(l1_piece, entries - first)));
      CO_TRY(co_await walk_tree(file_, header_, l1, holder));
    }
    co_return holder.held();
  }

  void hold(HeldBytes& held, uint64_t offset, uint64_t bytes) const {
    for (uint64_t at = 0; at < bytes; at += header_.cluster_size()) {
      const bool own = references_.count((offset + at) >> header_.cluster_bits) == 1;
      (own ? held.exclusive : held.shared) += header_.cluster_size();
    }
  }

  Task<> bitmaps() {
    if (!header_.bitmaps) co_return {};
    usage_.metadata += whole(header_.bitmaps->directory_size);
    CO_TRY_ASSIGN(const std::vector<Bitmap> found, co_await read_bitmap_directory(file_, header_));
    for (const Bitmap& bitmap : found) {
      HeldBytes held;
      hold(held, bitmap.table_offset, uint64_t{bitmap.table_size} * 8);
      CO_TRY_ASSIGN(const std::vector<uint64_t> table,
                    co_await read_bitmap_table(file_, header_, bitmap));
      for (const uint64_t entry : table) {
        const uint64_t offset = entry & bitmap_table_offset_mask;
        if (offset != 0) hold(held, offset, header_.cluster_size());
      }
      usage_.bitmaps.push_back({bitmap.name, held});
    }
    co_return {};
  }

  storage::Source& file_;
  const Header& header_;
  const ReferenceMap& references_;
  LayerUsage& usage_;
  SharedTables tables_;
};

}  // namespace

Task<> measure_usage(storage::Source& file, const Header& header, LayerUsage& usage) {
  CheckResult found;
  const FindingSink nobody;
  CheckReport report(found, nobody);
  RefcountReader refcounts(file, header);
  CO_TRY(co_await refcounts.load());
  CO_TRY(check_snapshot_place(header));
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await read_snapshots(file, header));
  const SurveyOptions options;
  CO_TRY_ASSIGN(const Survey seen,
                co_await survey(file, header, refcounts, snapshots, report, options));
  if (found.corruptions != 0) {
    co_return fail(ErrorKind::corrupt,
                   file.filename() + ": " + std::to_string(found.corruptions) +
                       " errors in its tables; see what a check says",
                   EIO);
  }
  Measurer measurer(file, header, seen.references, usage);
  CO_TRY(co_await measurer.measure(snapshots));
  usage.detailed = true;
  co_return co_await measurer.compare(refcounts);
}

}  // namespace oxbow::format::qcow2
