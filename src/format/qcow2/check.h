// Compares a qcow2 image's metadata with itself; reads only. Finds what the stock tool's
// check finds and says it in its words. The walk that counts references is shared with
// repair.h.
#pragma once

#include "format/qcow2/check_report.h"
#include "format/qcow2/header.h"
#include "format/qcow2/reference_map.h"

namespace oxbow::format::qcow2 {

/// `sink` sees each finding in the order of the stock tool; may be empty. Memory: one bit a
/// cluster of the file's length, and a byte where clusters are shared; tables pass through
/// buffers of at most 2 MiB. Fails where the file cannot be read, or the snapshot table not
/// be understood (after a note about it): then the message is the error number's words.
Task<CheckResult> check(storage::Source& file, const Header& header, const FindingSink& sink);

/// The true refcount of every cluster in the file, and of `more_clusters` behind its end, all
/// of which are 0. What is wrong with the tables goes to `report`; such references are not
/// counted.
Task<ReferenceMap> compute_references(storage::Source& file, const Header& header,
                                      CheckReport& report, uint64_t more_clusters);

}  // namespace oxbow::format::qcow2
