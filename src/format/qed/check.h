// Comparing a QED image with itself.
#pragma once

#include "format/blocks/entry_table.h"
#include "format/format.h"
#include "format/qed/header.h"

namespace oxbow::format::qed {

inline constexpr uint64_t entry_unallocated = 0;
inline constexpr uint64_t entry_zero = 1;

/// Counts entries that point at no place for them, clusters with several owners
/// and such without one. `end`: of the file, in whole clusters.
Task<CheckResult> check(storage::Storage& file, const Header& header, uint64_t end, EntryTable& l1);

}  // namespace oxbow::format::qed
