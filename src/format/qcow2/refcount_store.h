// Storing refcounts that were counted anew, in the blocks there are or in new ones.
#pragma once

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"
#include "format/qcow2/reference_map.h"

namespace oxbow::format::qcow2 {

/// Where refcounts are stored.
enum class Blocks {
  keep,  ///< in the blocks there are, all of them sound, and in new ones where some are missing
  /// In new ones, with a new table that the header names last; all of it lies behind the end
  /// of the file and of what is referred to, so that nothing at all is overwritten. The old
  /// ones stay as counted in `references`.
  renew,
};

/// Stores these counts; then a barrier. The map has refcount_room() behind the file's end, and
/// what is placed there is counted in it.
Task<> store_refcounts(Gate& gate, Header& header, ReferenceMap references, Blocks blocks);

/// Clusters that refcount blocks and their table may take behind the end of the file.
[[nodiscard]] uint64_t refcount_room(const Gate& gate, const Header& header);

}  // namespace oxbow::format::qcow2
