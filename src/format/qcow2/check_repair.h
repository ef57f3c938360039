// A check that repairs what it finds, as far as the stock tool's does and no further: refcounts,
// COPIED flags, the refcount structure, a snapshot table with too much in it. Where the stock
// tool would write into guest data or lose snapshots, this does not (docs/stock-losses.md).
#pragma once

#include <oxbow/options.h>

#include "format/qcow2/check_report.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// For an image that nobody else uses, with nothing in caches; `header` follows what changes.
/// Findings as check() gives them, "Repairing ..." where they are repaired. The order of the
/// writes is told in docs/crash-ordering.md. Clears the dirty bit where refcounts are right in
/// the end, and the corrupt bit where everything is.
///
/// Errors: EIO, after a note, where leaks alone are to be repaired and the refcount blocks
/// themselves are damaged; what reading or writing gave.
Task<CheckResult> check_and_repair(Gate& gate, Header& header, Repair what,
                                   const FindingSink& sink);

}  // namespace oxbow::format::qcow2
