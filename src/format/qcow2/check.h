// Compares a qcow2 image's metadata with itself; reads only. Finds what the stock tool's
// check finds and says it in its words. What repairs stands in check_repair.h.
#pragma once

#include "format/qcow2/check_report.h"
#include "format/qcow2/header.h"
#include "format/qcow2/snapshot_table.h"

namespace oxbow::format::qcow2 {

/// `sink` sees each finding in the order of the stock tool; may be empty. Memory: one bit a
/// cluster of the file's length, and a byte where clusters are shared; tables pass through
/// buffers of at most 2 MiB. Fails where the file cannot be read, or the snapshot table not
/// be understood (after a note about it): then the message is the error number's words.
Task<CheckResult> check(storage::Source& file, const Header& header, const FindingSink& sink);

/// The snapshots, or a note and the error that ends the check. Without `discard` entries that
/// are incomplete are findings.
Task<std::vector<Snapshot>> load_snapshots(storage::Source& file, const Header& header,
                                           CheckReport& report,
                                           const DiscardSink* discard = nullptr);

/// Whether the entry lacks fields that its version of the format demands.
[[nodiscard]] bool is_incomplete(const Header& header, const Snapshot& snapshot);

/// As the results state it: whole sectors count.
[[nodiscard]] uint64_t guest_clusters_shown(const Header& header);

}  // namespace oxbow::format::qcow2
