// Who refers to which cluster: follows everything from the header on and counts.
#pragma once

#include <span>

#include "format/qcow2/bitmap_directory.h"
#include "format/qcow2/check_l2.h"
#include "format/qcow2/snapshot_table.h"
#include "format/qcow2/table_window.h"

namespace oxbow::format::qcow2 {

class EntryRepair;

class ReferenceCounter {
 public:
  /// `repair`: puts right the entries that it can, and what they lead to is counted as it is
  /// then; may be null.
  ReferenceCounter(storage::Source& file, const Header& header, ReferenceMap& references,
                   CheckReport& report, EntryRepair* repair)
      : file_(file),
        header_(header),
        report_(report),
        repair_(repair),
        regions_(header, file.size(), references, report),
        l2_(header, regions_, report),
        window_(file, header.cluster_size()) {}

  /// Header, active L1 and L2 tables, snapshots, encryption header, bitmaps: in the stock
  /// tool's order. Fails only where the file cannot be read.
  Task<> count_all(std::span<const Snapshot> snapshots);
  [[nodiscard]] RegionCounter& regions() { return regions_; }
  [[nodiscard]] bool all_copied() const { return l2_.all_copied() && l1_copied_; }

 private:
  Task<> count_l1(uint64_t offset, uint64_t entries, bool active);
  Task<> count_tables(std::span<const uint64_t> l1, uint64_t first, bool active);
  struct L1Place {
    uint64_t offset;
    uint64_t entries;
    bool active;
  };
  Task<> repair_l1(L1Place table, uint64_t first, std::vector<uint64_t>& piece);
  [[nodiscard]] std::vector<uint64_t> repaired_l1(std::span<const uint64_t> piece) const;
  [[nodiscard]] uint64_t guest_of(uint64_t l1_index) const {
    return (l1_index * header_.l2_entries()) << header_.cluster_bits;
  }
  Task<> check_table(uint64_t table, const std::byte* bytes, uint64_t guest, bool active);
  Task<> count_snapshots(std::span<const Snapshot> snapshots);
  Task<> count_bitmaps();
  Task<> repair_bitmap(const Bitmap& bitmap, std::vector<uint64_t>& table);

  storage::Source& file_;
  const Header& header_;
  CheckReport& report_;
  EntryRepair* repair_;
  RegionCounter regions_;
  L2Checker l2_;
  TableWindow window_;
  bool l1_copied_ = true;
};

/// Whether the snapshot's L1 table may be followed.
[[nodiscard]] bool snapshot_l1_sound(const Header& header, const Snapshot& snapshot);

/// L1 tables are read by this many entries at a time.
inline constexpr uint64_t l1_piece = 32768;

/// How many tables lie in a row in the file, beginning with that of l1[0]; at least 1.
[[nodiscard]] uint64_t tables_in_a_row(std::span<const uint64_t> l1, uint64_t cluster_size,
                                       uint64_t most);

/// Entries [first, first + count) of the L1 table at `offset`, in the machine's byte order.
Task<std::vector<uint64_t>> read_l1_piece(storage::Source& file, uint64_t offset, uint64_t first,
                                          uint64_t count);

}  // namespace oxbow::format::qcow2
