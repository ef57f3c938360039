// A snapshot table that cannot be read as it is, or lacks fields: what can be kept of it, and a
// table with that in its place.
#pragma once

#include "format/qcow2/check_report.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"
#include "format/qcow2/snapshot_table.h"

namespace oxbow::format::qcow2 {

class SnapshotTableRepair {
 public:
  /// `gives_up`: snapshots whose L1 tables cannot be where they say are left out, too.
  SnapshotTableRepair(Gate& gate, Header& header, bool gives_up)
      : gate_(gate), header_(header), gives_up_(gives_up) {}

  /// The snapshots that can be read, with fewer than the header says where there are too many.
  /// What is left out is told, and what is added; nothing is written.
  Task<std::vector<Snapshot>> load(CheckReport& report);
  [[nodiscard]] bool changed() const { return changed_; }
  /// The table as loaded, behind the end of the file, and then in the header; the old one is
  /// freed after that. The refcounts have been set right.
  Task<> store(std::span<const Snapshot> snapshots);

 private:
  void give_up(std::vector<Snapshot>& snapshots, CheckReport& report);
  Task<uint64_t> write_table(std::span<const Snapshot> old, std::span<const std::byte> table);

  Gate& gate_;
  Header& header_;
  bool gives_up_;
  bool changed_ = false;
};

}  // namespace oxbow::format::qcow2
