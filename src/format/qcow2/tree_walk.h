// Everything that one L1 table refers to, table by table: what taking and dropping a snapshot
// count. Reads whole tables in large pieces; what is in a cache must be on disk before.
#pragma once

#include <functional>
#include <span>

#include "format/qcow2/header.h"
#include "format/qcow2/metadata_class.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

/// Clusters in a row to which the tree has one reference each: L2 tables, or guest data.
struct TreeRun {
  bool tables = false;
  uint64_t cluster = 0;
  uint64_t count = 0;
};

/// Called for each L2 table in the order of the L1 table, after the run that is the table
/// itself, then for the runs of what it refers to.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  virtual Task<> visit_run(const TreeRun& run) = 0;
  /// Whether the table is to be read at all; without it neither its bytes nor its runs follow.
  virtual Task<bool> wants_table(size_t /*l1_index*/, uint64_t /*offset*/) { co_return true; }
  /// The table's bytes, before its runs; a visitor may have no interest.
  virtual Task<> visit_table(size_t /*l1_index*/, uint64_t /*offset*/,
                             std::span<const std::byte> /*table*/) {
    co_return {};
  }
};

/// `l1`: entries in the machine's byte order. Errors: corrupt for a table that is not aligned,
/// else what reading or the visitor gave.
Task<> walk_tree(storage::Source& file, const Header& header, std::span<const uint64_t> l1,
                 TreeVisitor& visitor);

}  // namespace oxbow::format::qcow2
