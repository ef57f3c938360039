// The header names another table: on disk first, with a barrier, then in memory. See
// Gate::switch_header() for what a failure leaves behind.
#pragma once

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// `offset`: of the table, which is on disk and fills `clusters`.
Task<> switch_refcount_table(Gate& gate, Header& header, uint64_t offset, uint32_t clusters);
/// The same where the counts have another width. Version 3 only.
Task<> switch_refcount_width(Gate& gate, Header& header, uint64_t offset, uint32_t clusters,
                             uint32_t order);
/// `offset`: of the table, which is on disk and holds `count` snapshots; 0 for none.
Task<> switch_snapshot_table(Gate& gate, Header& header, uint32_t count, uint64_t offset);

}  // namespace oxbow::format::qcow2
