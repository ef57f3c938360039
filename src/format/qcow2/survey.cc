#include "format/qcow2/survey.h"

#include "format/qcow2/check_refcounts.h"
#include "format/qcow2/check_references.h"

namespace oxbow::format::qcow2 {

Task<Survey> survey(storage::Source& file, const Header& header, const RefcountReader& refcounts,
                    std::span<const Snapshot> snapshots, CheckReport& report,
                    const SurveyOptions& options) {
  const uint64_t file_clusters = div_round_up(file.size(), header.cluster_size());
  Survey done;
  // A range that begins unaligned in the last cluster touches one more.
  CO_TRY_ASSIGN(done.references, ReferenceMap::create(file_clusters + 1 + options.more_clusters));
  ReferenceCounter counter(file, header, done.references, report, options.repair);
  CO_TRY(co_await counter.count_all(snapshots));
  done.blocks_sound = count_refcount_structures(header, refcounts, file_clusters, counter.regions(),
                                                done.references, report, options.rebuilds);
  done.all_copied = counter.all_copied();
  done.overflowed = counter.regions().overflowed();
  co_return done;
}

Task<Survey> survey_quietly(storage::Source& file, const Header& header,
                            std::span<const Snapshot> snapshots, uint64_t more_clusters) {
  CheckResult unheard;
  const FindingSink nobody;
  CheckReport report(unheard, nobody);
  RefcountReader refcounts(file, header);
  CO_TRY(co_await refcounts.load());
  SurveyOptions options;
  options.more_clusters = more_clusters;
  co_return co_await survey(file, header, refcounts, snapshots, report, options);
}

}  // namespace oxbow::format::qcow2
