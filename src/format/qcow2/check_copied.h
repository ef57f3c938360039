// The COPIED flag of active entries: set exactly where the cluster's refcount is 1.
#pragma once

#include "format/qcow2/check_report.h"
#include "format/qcow2/refcount_reader.h"

namespace oxbow::format::qcow2 {

/// Reads the active tables once more and compares with the counts in the file. Ends early,
/// without a word, where a count cannot be had: the comparison of counts told that.
Task<> check_copied_flags(storage::Source& file, const Header& header, RefcountReader& refcounts,
                          CheckReport& report);

}  // namespace oxbow::format::qcow2
