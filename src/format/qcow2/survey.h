// One walk over everything that an image refers to, and what it found out: what check,
// repair and the opening of a dirty image stand on.
#pragma once

#include <span>

#include "format/qcow2/check_report.h"
#include "format/qcow2/header.h"
#include "format/qcow2/refcount_reader.h"
#include "format/qcow2/reference_map.h"
#include "format/qcow2/snapshot_table.h"

namespace oxbow::format::qcow2 {

class EntryRepair;

struct Survey {
  ReferenceMap references;  ///< the true refcount of every cluster in the file
  bool all_copied = false;  ///< every active entry with a plain cluster has the COPIED flag
  bool overflowed = false;  ///< there are more references than refcounts can hold
  /// Every entry of the refcount table leads to a block, to which nothing else refers.
  bool blocks_sound = false;
};

struct SurveyOptions {
  uint64_t more_clusters = 0;  ///< behind the file's end, to be in the map; without references
  EntryRepair* repair = nullptr;
  bool rebuilds = false;  ///< refcount blocks that are not sound are going to be replaced
};

/// What is wrong goes to `report`; references that lead nowhere are not counted. Fails only
/// where the file cannot be read.
Task<Survey> survey(storage::Source& file, const Header& header, const RefcountReader& refcounts,
                    std::span<const Snapshot> snapshots, CheckReport& report,
                    const SurveyOptions& options);
/// The same for its counts alone: nobody is told.
Task<Survey> survey_quietly(storage::Source& file, const Header& header,
                            std::span<const Snapshot> snapshots, uint64_t more_clusters = 0);

}  // namespace oxbow::format::qcow2
