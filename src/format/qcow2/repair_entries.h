// Which tables a repair may write into, and the entries of L2 tables that it may change.
//
// A damaged L1 entry can make a table of what is guest data, a refcount block or the header.
// Whoever writes into a table because of what it says has to know first that nothing else
// takes the same cluster for something else.
#pragma once

#include <optional>
#include <span>

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"
#include "format/qcow2/survey.h"

namespace oxbow::format::qcow2 {

class TableOwnership {
 public:
  /// Reads all L1 tables. `survey` is of the same snapshots and must outlive the answers.
  static Task<TableOwnership> create(storage::Source& file, const Header& header,
                                     std::span<const Snapshot> snapshots, const Survey& survey);

  /// Whether L1 entries refer to this place as an L2 table, and nothing else refers to it.
  [[nodiscard]] bool only_l2_table(uint64_t offset) const;
  /// Whether each cluster of the range has one reference.
  [[nodiscard]] bool referred_once(uint64_t offset, uint64_t length) const;

 private:
  TableOwnership(const Header& header, const Survey& survey, ReferenceMap tables)
      : header_(header), survey_(survey), tables_(std::move(tables)) {}
  Task<> count_l1(storage::Source& file, uint64_t offset, uint64_t entries);

  const Header& header_;
  const Survey& survey_;
  ReferenceMap tables_;  // references as an L2 table
};

/// Takes away the cluster, at a place where none can be, of entries that read as zeroes; and
/// writes bitmap tables.
class ZeroEntryRepair {
 public:
  ZeroEntryRepair(Gate& gate, const Header& header, std::span<const Snapshot> snapshots)
      : gate_(gate), header_(header), snapshots_(snapshots) {}
  ZeroEntryRepair(const ZeroEntryRepair&) = delete;
  ZeroEntryRepair& operator=(const ZeroEntryRepair&) = delete;

  /// Looks through the whole image when it is asked first.
  Task<bool> may_change(uint64_t table);
  /// `bytes`: the table as it is. The caller owes a barrier before what the entries refer to
  /// is freed.
  Task<> zero(uint64_t table, std::span<const std::byte> bytes, std::span<const uint64_t> entries);
  /// False, and nothing written, where something else refers to the table's clusters, too. The
  /// caller owes a barrier.
  Task<bool> replace_bitmap_table(uint64_t offset, std::span<const uint64_t> table);

 private:
  Task<> look();

  Gate& gate_;
  const Header& header_;
  std::span<const Snapshot> snapshots_;
  std::optional<Survey> survey_;
  std::optional<TableOwnership> owners_;
};

}  // namespace oxbow::format::qcow2
