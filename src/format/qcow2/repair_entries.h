// Which tables a repair may write into, and the entries of L1 and L2 tables that it may change.
//
// A damaged L1 entry can make a table of what is guest data, a refcount block or the header.
// Whoever writes into a table because of what it says has to know first that nothing else
// takes the same cluster for something else.
#pragma once

#include <optional>
#include <span>

#include "format/qcow2/check_l2.h"
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

/// Entries of an L1 or bitmap table that may be changed. The caller owes a barrier.
Task<> write_entries(Gate& gate, Writes what, uint64_t offset, std::span<const uint64_t> entries);

/// Writes what damaged entries of L1, L2 and bitmap tables are to be. The caller owes a barrier
/// before what they referred to is freed.
class EntryRepair {
 public:
  /// `gives_up`: entries that lead nowhere become unallocated. The disk changes by that, so all
  /// of it is dirty first in bitmaps that follow it.
  EntryRepair(Gate& gate, const Header& header, std::span<const Snapshot> snapshots, bool gives_up)
      : gate_(gate), header_(header), snapshots_(snapshots), gives_up_(gives_up) {}
  EntryRepair(const EntryRepair&) = delete;
  EntryRepair& operator=(const EntryRepair&) = delete;

  /// False for good if there are bitmaps that cannot be made dirty, once ready.
  [[nodiscard]] bool gives_up() const { return gives_up_; }
  /// Before anything is changed, and any number of times: looks through the whole image, once.
  Task<> get_ready();

  // Where something else refers to the clusters of a table, too, it may not be changed, and
  // nothing is written.

  [[nodiscard]] bool may_change(uint64_t l2_table) const {
    return owners_->only_l2_table(l2_table);
  }
  [[nodiscard]] bool may_change(uint64_t table, uint64_t entries) const {
    return owners_->referred_once(table, entries * 8);
  }
  Task<bool> replace_bitmap_table(uint64_t offset, std::span<const uint64_t> table);

  /// Of an L2 table that may be changed; `bytes`: as it is.
  Task<> change(uint64_t l2_table, std::span<const std::byte> bytes,
                std::span<const L2Repair::Change> changes);
  /// `what`: an L1 table that may be changed.
  Task<> write_l1(Writes what, uint64_t offset, std::span<const uint64_t> entries) {
    return write_entries(gate_, what, offset, entries);
  }

 private:
  Task<bool> make_all_dirty();

  Gate& gate_;
  const Header& header_;
  std::span<const Snapshot> snapshots_;
  std::optional<Survey> survey_;
  std::optional<TableOwnership> owners_;
  bool gives_up_;
};

}  // namespace oxbow::format::qcow2
