#include "format/qcow2/check.h"

#include <cctype>

#include "format/qcow2/check_copied.h"
#include "format/qcow2/check_refcounts.h"
#include "format/qcow2/refcount_reader.h"
#include "format/qcow2/survey.h"

namespace oxbow::format::qcow2 {
namespace {

// From this version on entries must state the size of the disk.
constexpr uint32_t version_with_disk_size = 3;
constexpr uint32_t complete_extra_bytes = 16;

bool nothing_found(const CheckResult& result) {
  return result.corruptions == 0 && result.leaks == 0 && result.check_errors == 0;
}

}  // namespace

bool is_incomplete(const Header& header, const Snapshot& snapshot) {
  return header.version >= version_with_disk_size && snapshot.extra_bytes < complete_extra_bytes;
}

uint64_t guest_clusters_shown(const Header& header) {
  return div_round_up(header.size / 512, header.cluster_size() / 512);
}

Task<std::vector<Snapshot>> load_snapshots(storage::Source& file, const Header& header,
                                           CheckReport& report, const DiscardSink* discard) {
  if (const auto place = check_snapshot_place(header); !place) {
    std::string text = place.error().message();
    text[0] = static_cast<char>(std::tolower(text[0]));
    if (header.nb_snapshots > max_snapshots) {
      text += "\nYou can force-remove all " + std::to_string(header.nb_snapshots - max_snapshots) +
              " overhanging snapshots with qemu-img check -r all";
    }
    report.note_about_check("ERROR " + text);
    co_return std::unexpected(Error::from_errno(place.error().os_error()));
  }
  auto snapshots = co_await read_snapshots(file, header, discard);
  if (!snapshots) {
    const Error& error = snapshots.error();
    std::string text = "ERROR failed to read the snapshot table: " + error.message();
    if (!error.hint().empty()) text += "\n" + error.hint().substr(0, error.hint().size() - 1);
    report.note_about_check(std::move(text));
    co_return std::unexpected(Error::from_errno(error.as_errno()));
  }
  for (size_t i = 0; discard == nullptr && i < snapshots->size(); ++i) {
    if (is_incomplete(header, (*snapshots)[i])) {
      report.corruption("ERROR snapshot table entry " + std::to_string(i) + " is incomplete");
    }
  }
  co_return snapshots;
}

Task<CheckResult> check(storage::Source& file, const Header& header, const FindingSink& sink) {
  CheckResult result;
  CheckReport report(result, sink);
  result.total_clusters = guest_clusters_shown(header);
  RefcountReader refcounts(file, header);
  CO_TRY(co_await refcounts.load());
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots,
                co_await load_snapshots(file, header, report));
  const SurveyOptions options;
  CO_TRY_ASSIGN(const Survey seen,
                co_await survey(file, header, refcounts, snapshots, report, options));
  RefcountComparer comparer(file, header, refcounts, seen.references, report);
  CO_TRY(co_await comparer.compare(div_round_up(file.size(), header.cluster_size())));
  result.image_end_offset = comparer.end() << header.cluster_bits;
  // Where every entry has the flag and every count is 1, no entry can be at odds with its count.
  const bool flags_agree =
      seen.all_copied && !seen.references.any_shared() && nothing_found(result);
  if (!flags_agree) CO_TRY(co_await check_copied_flags(file, header, refcounts, report));
  co_return result;
}

}  // namespace oxbow::format::qcow2
