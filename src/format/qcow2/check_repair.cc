#include "format/qcow2/check_repair.h"

#include "format/qcow2/check.h"
#include "format/qcow2/check_copied.h"
#include "format/qcow2/check_refcounts.h"
#include "format/qcow2/refcount_store.h"
#include "format/qcow2/repair_counts.h"
#include "format/qcow2/repair_entries.h"
#include "format/qcow2/repair_snapshots.h"
#include "format/qcow2/survey.h"

namespace oxbow::format::qcow2 {
namespace {

class Repairer {
 public:
  Repairer(Gate& gate, Header& header, Repair what, const FindingSink& sink)
      : gate_(gate),
        header_(header),
        what_(what),
        sink_(sink),
        report_(result_, sink),
        snapshots_(gate, header, what == Repair::unreadable) {}

  Task<CheckResult> run();

 private:
  Task<> load_snapshots();
  Task<> look();
  Task<> repair_counts();
  Task<> rebuild(const CheckResult& counted);
  Task<> write_counts(CheckReport& report);
  Task<> repair_flags();
  Task<> drop_unknown_autoclear();
  Task<> settle_incompatible();
  [[nodiscard]] bool everything() const { return what_ >= Repair::all; }
  [[nodiscard]] uint64_t file_clusters() const {
    return div_round_up(gate_.file().size(), header_.cluster_size());
  }

  Gate& gate_;
  Header& header_;
  Repair what_;
  const FindingSink& sink_;
  CheckResult result_;
  CheckReport report_;
  SnapshotTableRepair snapshots_;
  std::vector<Snapshot> loaded_;
  Survey seen_;
  bool counts_right_ = false;
};

Task<> Repairer::load_snapshots() {
  if (everything()) {
    CO_TRY_ASSIGN(loaded_, co_await snapshots_.load(report_));
  } else {
    CO_TRY_ASSIGN(loaded_, co_await qcow2::load_snapshots(gate_.file(), header_, report_));
  }
  co_return {};
}

// Counts what there is, and puts right what entries say.
Task<> Repairer::look() {
  RefcountReader refcounts(gate_.file(), header_);
  CO_TRY(co_await refcounts.load());
  EntryRepair entries(gate_, header_, loaded_, what_ == Repair::unreadable);
  SurveyOptions options;
  options.more_clusters = refcount_room(gate_, header_);
  options.rebuilds = everything();
  if (everything()) options.repair = &entries;
  CO_TRY_ASSIGN(seen_,
                co_await survey(gate_.file(), header_, refcounts, loaded_, report_, options));
  // The entries are on disk before what they referred to is freed.
  co_return co_await gate_.barrier();
}

Task<> Repairer::repair_counts() {
  CheckResult counted;
  CheckReport first_look(counted, sink_);
  RefcountReader refcounts(gate_.file(), header_);
  CO_TRY(co_await refcounts.load());
  RefcountComparer comparer(gate_.file(), header_, refcounts, seen_.references, first_look);
  CO_TRY(co_await comparer.compare(file_clusters()));
  result_.image_end_offset = comparer.end() << header_.cluster_bits;
  const bool broken = !seen_.blocks_sound || comparer.broken();
  if (broken && !everything()) {
    report_.note("ERROR need to rebuild refcount structures");
    co_return fail(ErrorKind::corrupt, "Input/output error", EIO);
  }
  if (broken) co_return co_await rebuild(counted);
  counts_right_ = counted.corruptions == 0 || everything();
  if (counted.corruptions == 0 && counted.leaks == 0) co_return {};
  co_return co_await write_counts(report_);
}

// New blocks and a new table, which count the old ones; when the header names them, the old
// ones are leaks.
Task<> Repairer::rebuild(const CheckResult& counted) {
  report_.note("Rebuilding refcount structure");
  CO_TRY(co_await store_refcounts(gate_, header_, std::move(seen_.references), Blocks::renew));
  // What damaged entries refer to cannot be repaired, and the second look finds it again.
  const CheckResult before = std::exchange(result_, {});
  CO_TRY(co_await look());
  const uint64_t corruptions = before.corruptions + counted.corruptions;
  result_.corruptions_fixed +=
      before.corruptions_fixed + corruptions - std::min(corruptions, result_.corruptions);
  result_.leaks_fixed = counted.leaks;
  counts_right_ = true;
  CheckResult own_leaks;
  CheckReport report(own_leaks, sink_);
  co_return co_await write_counts(report);
}

Task<> Repairer::write_counts(CheckReport& report) {
  RefcountReader refcounts(gate_.file(), header_);
  CO_TRY(co_await refcounts.load());
  CountWriter writer(gate_, header_, everything());
  RefcountComparer comparer(gate_.file(), header_, refcounts, seen_.references, report, &writer);
  CO_TRY(co_await comparer.compare(file_clusters()));
  result_.image_end_offset = comparer.end() << header_.cluster_bits;
  CO_TRY(co_await gate_.barrier());
  // Beside damaged tables, what looks like a leak may be what they referred to: it stays, for
  // whoever can put them right by hand.
  if (result_.corruptions == 0) CO_TRY(co_await writer.discard_freed());
  co_return {};
}

// The flags follow the counts, so where those are not known to be right, nothing is changed.
Task<> Repairer::repair_flags() {
  RefcountReader refcounts(gate_.file(), header_);
  CO_TRY(co_await refcounts.load());
  CO_TRY_ASSIGN(const TableOwnership owners,
                co_await TableOwnership::create(gate_.file(), header_, loaded_, seen_));
  CopiedRepair repair{gate_, owners};
  const bool repairs = everything() || result_.corruptions == 0;
  CO_TRY(co_await check_copied_flags(gate_.file(), header_, refcounts, report_,
                                     repairs ? &repair : nullptr));
  co_return co_await gate_.barrier();
}

// What is not known here would not be kept up to date; bitmaps are, as no guest data changes.
Task<> Repairer::drop_unknown_autoclear() {
  const uint64_t kept = header_.autoclear_features &
                        (autoclear_bitmaps | autoclear_raw_data_file | autoclear_bitmap_record);
  if (kept == header_.autoclear_features) co_return {};
  CO_TRY(co_await gate_.write_header_field(header_offset_autoclear, kept));
  header_.autoclear_features = kept;
  co_return {};
}

Task<> Repairer::settle_incompatible() {
  uint64_t settled = counts_right_ ? incompatible_dirty : 0;
  if (counts_right_ && result_.corruptions == 0) settled |= incompatible_corrupt;
  const uint64_t features = header_.incompatible_features & ~settled;
  if (features == header_.incompatible_features) co_return {};
  CO_TRY(co_await gate_.write_header_field(header_offset_incompatible, features));
  header_.incompatible_features = features;
  co_return {};
}

Task<CheckResult> Repairer::run() {
  result_.total_clusters = guest_clusters_shown(header_);
  CO_TRY(co_await load_snapshots());
  CO_TRY(co_await drop_unknown_autoclear());
  CO_TRY(co_await look());
  CO_TRY(co_await repair_counts());
  CO_TRY(co_await repair_flags());
  if (snapshots_.changed()) CO_TRY(co_await snapshots_.store(loaded_));
  CO_TRY(co_await settle_incompatible());
  co_return result_;
}

}  // namespace

Task<CheckResult> check_and_repair(Gate& gate, Header& header, Repair what,
                                   const FindingSink& sink) {
  Repairer repairer(gate, header, what, sink);
  co_return co_await repairer.run();
}

}  // namespace oxbow::format::qcow2
