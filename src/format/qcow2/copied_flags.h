// COPIED flags of the active tables, brought in line with the refcounts when a snapshot comes
// or goes.
#pragma once

#include <vector>

#include "format/qcow2/gate.h"
#include "format/qcow2/refcounts.h"
#include "format/qcow2/tree_walk.h"

namespace oxbow::format::qcow2 {

/// Whose flag stays set.
enum class CopiedRule {
  none,         ///< nobody's: everything is about to be shared
  sole_owners,  ///< of clusters and tables with a refcount of 1
};

/// Rewrites the L2 tables that change and the entries of `l1`, in memory only; of those entries
/// alone that are `wanted`. What is in a cache must be on disk before, and is outdated after. The
/// caller owes a barrier.
Task<> set_copied_flags(Gate& gate, const Header& header, Refcounts& refcounts,
                        std::span<uint64_t> l1, CopiedRule rule, const std::vector<bool>& wanted);

}  // namespace oxbow::format::qcow2
