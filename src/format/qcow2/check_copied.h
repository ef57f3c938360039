// The COPIED flag of active entries: set exactly where the cluster's refcount is 1.
#pragma once

#include "format/qcow2/check_report.h"
#include "format/qcow2/refcount_reader.h"
#include "format/qcow2/repair_entries.h"

namespace oxbow::format::qcow2 {

/// What setting flags right needs. Tables that something else uses, too, stay as they are.
struct CopiedRepair {
  Gate& gate;
  const TableOwnership& owners;
};

/// Reads the active tables once more and compares with the counts in the file. Ends early,
/// without a word, where a count cannot be had: the comparison of counts told that.
/// `repair` may be null; with one, the caller owes a barrier.
Task<> check_copied_flags(storage::Source& file, const Header& header, RefcountReader& refcounts,
                          CheckReport& report, CopiedRepair* repair = nullptr);

}  // namespace oxbow::format::qcow2
