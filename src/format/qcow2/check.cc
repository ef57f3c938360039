#include "format/qcow2/check.h"

#include <cctype>

#include "format/qcow2/check_copied.h"
#include "format/qcow2/check_refcounts.h"
#include "format/qcow2/check_references.h"
#include "format/qcow2/refcount_reader.h"

namespace oxbow::format::qcow2 {
namespace {

// From this version on entries must state the size of the disk.
constexpr uint32_t version_with_disk_size = 3;
constexpr uint32_t complete_extra_bytes = 16;

Task<std::vector<Snapshot>> load_snapshots(storage::Source& file, const Header& header,
                                           CheckReport& report) {
  if (const auto place = check_snapshot_place(header); !place) {
    std::string text = place.error().message();
    text[0] = static_cast<char>(std::tolower(text[0]));
    if (header.nb_snapshots > max_snapshots) {
      text += "\nYou can force-remove all " + std::to_string(header.nb_snapshots - max_snapshots) +
              " overhanging snapshots with qemu-img check -r all";
    }
    report.note("ERROR " + text);
    co_return std::unexpected(Error::from_errno(place.error().os_error()));
  }
  auto snapshots = co_await read_snapshots(file, header);
  if (!snapshots) {
    const Error& error = snapshots.error();
    std::string text = "ERROR failed to read the snapshot table: " + error.message();
    if (!error.hint().empty()) text += "\n" + error.hint().substr(0, error.hint().size() - 1);
    report.note(std::move(text));
    co_return std::unexpected(Error::from_errno(error.as_errno()));
  }
  for (size_t i = 0; i < snapshots->size(); ++i) {
    if (header.version >= version_with_disk_size &&
        (*snapshots)[i].extra_bytes < complete_extra_bytes) {
      report.corruption("ERROR snapshot table entry " + std::to_string(i) + " is incomplete");
    }
  }
  co_return snapshots;
}

// One walk over everything, and what it found out besides the references.
struct Walk {
  ReferenceMap references;
  bool all_copied = false;
};

Task<Walk> walk(storage::Source& file, const Header& header, const RefcountReader& refcounts,
                CheckReport& report, uint64_t more_clusters) {
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots,
                co_await load_snapshots(file, header, report));
  const uint64_t file_clusters = div_round_up(file.size(), header.cluster_size());
  // A range that begins unaligned in the last cluster touches one more.
  CO_TRY_ASSIGN(ReferenceMap references, ReferenceMap::create(file_clusters + 1 + more_clusters));
  ReferenceCounter counter(file, header, references, report);
  CO_TRY(co_await counter.count_all(snapshots));
  count_refcount_structures(header, refcounts, file_clusters, counter.regions(), references,
                            report);
  Walk done;
  done.references = std::move(references);
  done.all_copied = counter.all_copied();
  co_return done;
}

bool nothing_found(const CheckResult& result) {
  return result.corruptions == 0 && result.leaks == 0 && result.check_errors == 0;
}

}  // namespace

Task<CheckResult> check(storage::Source& file, const Header& header, const FindingSink& sink) {
  CheckResult result;
  CheckReport report(result, sink);
  // Whole sectors only, as the stock tool counts.
  result.total_clusters = div_round_up(header.size / 512, header.cluster_size() / 512);
  RefcountReader refcounts(file, header);
  CO_TRY(co_await refcounts.load());
  CO_TRY_ASSIGN(const Walk done, co_await walk(file, header, refcounts, report, 0));
  RefcountComparer comparer(file, header, refcounts, done.references, report);
  CO_TRY(co_await comparer.compare(div_round_up(file.size(), header.cluster_size())));
  result.image_end_offset = comparer.end() << header.cluster_bits;
  // Where every entry has the flag and every count is 1, no entry can be at odds with its count.
  const bool flags_agree =
      done.all_copied && !done.references.any_shared() && nothing_found(result);
  if (!flags_agree) CO_TRY(co_await check_copied_flags(file, header, refcounts, report));
  co_return result;
}

Task<ReferenceMap> compute_references(storage::Source& file, const Header& header,
                                      CheckReport& report, uint64_t more_clusters) {
  RefcountReader refcounts(file, header);
  CO_TRY(co_await refcounts.load());
  CO_TRY_ASSIGN(Walk done, co_await walk(file, header, refcounts, report, more_clusters));
  co_return std::move(done.references);
}

}  // namespace oxbow::format::qcow2
