// Entries of an L2 table changed in place where the guard forbids it otherwise: of a table that the
// disk and snapshots share.
#pragma once

#include <span>

#include "format/qcow2/gate.h"

namespace oxbow::format::qcow2 {

/// Whose trees name a table.
struct TableUsers {
  bool active = false;
  bool inactive = false;  ///< snapshots'
};

/// Bytes [begin, end) of the table at `offset`, which reads the same to all its users before and
/// after: each of its sectors may be old or new after a crash.
Task<> write_l2_table(Gate& gate, TableUsers users, uint64_t offset,
                      std::span<const std::byte> table, size_t begin, size_t end);

}  // namespace oxbow::format::qcow2
