#include "format/qcow2/check_references.h"

#include "format/qcow2/repair_entries.h"

namespace oxbow::format::qcow2 {
namespace {

std::unexpected<Error> unreadable(CheckReport& report, const char* where) {
  report.note(std::string("ERROR: I/O error in ") + where);
  return fail(ErrorKind::io, "Input/output error", EIO);
}

}  // namespace

uint64_t tables_in_a_row(std::span<const uint64_t> l1, uint64_t cluster_size, uint64_t most) {
  uint64_t count = 1;
  while (count < l1.size() && count < most &&
         (l1[count] & l1_offset_mask) == (l1[0] & l1_offset_mask) + count * cluster_size) {
    ++count;
  }
  return count;
}

bool snapshot_l1_sound(const Header& header, const Snapshot& snapshot) {
  return is_aligned(snapshot.l1_table_offset, header.cluster_size()) &&
         snapshot.l1_size <= max_l1_bytes / 8;
}

Task<std::vector<uint64_t>> read_l1_piece(storage::Source& file, uint64_t offset, uint64_t first,
                                          uint64_t count) {
  std::vector<uint64_t> entries(count);
  if (offset > max_file_offset - (first + count) * 8) {
    co_return fail(ErrorKind::io, "Input/output error", EIO);
  }
  CO_TRY(co_await read_entries(file, offset + first * 8, entries));
  co_return entries;
}

Task<> ReferenceCounter::count_all(std::span<const Snapshot> snapshots) {
  regions_.count(0, header_.cluster_size());
  CO_TRY(co_await count_l1(header_.l1_table_offset, header_.l1_size, true));
  CO_TRY(co_await count_snapshots(snapshots));
  if (header_.crypto) regions_.count(header_.crypto->offset, header_.crypto->length);
  co_return co_await count_bitmaps();
}

Task<> ReferenceCounter::count_l1(uint64_t offset, uint64_t entries, bool active) {
  if (entries == 0) co_return {};
  regions_.count(offset, entries * 8);
  for (uint64_t first = 0; first < entries; first += l1_piece) {
    auto l1 = co_await read_l1_piece(file_, offset, first, std::min(l1_piece, entries - first));
    if (!l1) co_return unreadable(report_, "check_refcounts_l1");
    if (repair_ != nullptr) CO_TRY(co_await repair_l1({offset, entries, active}, first, *l1));
    CO_TRY(co_await count_tables(*l1, first, active));
  }
  co_return {};
}

std::vector<uint64_t> ReferenceCounter::repaired_l1(std::span<const uint64_t> piece) const {
  std::vector<uint64_t> repaired(piece.begin(), piece.end());
  for (uint64_t& entry : repaired) {
    const uint64_t table = entry & l1_offset_mask;
    const bool leads_nowhere = !is_aligned(table, header_.cluster_size()) ||
                               !regions_.inside(table, header_.cluster_size());
    entry = repair_->gives_up() && leads_nowhere ? 0 : entry & ~l1_reserved_mask;
  }
  return repaired;
}

Task<> ReferenceCounter::repair_l1(L1Place table, uint64_t first, std::vector<uint64_t>& piece) {
  if (repaired_l1(piece) == piece) co_return {};
  CO_TRY(co_await repair_->get_ready());
  std::vector<uint64_t> repaired = repaired_l1(piece);
  if (repaired == piece || !repair_->may_change(table.offset, table.entries)) co_return {};
  CO_TRY(co_await repair_->write_l1(table.active ? Writes::active_l1 : Writes::inactive_l1,
                                    table.offset + first * 8, repaired));
  for (size_t i = 0; i < piece.size(); ++i) {
    if (repaired[i] == piece[i]) continue;
    const bool given_up = repaired[i] == 0 && (piece[i] & l1_offset_mask) != 0;
    report_.corruption_fixed(
        given_up ? "Giving up the range at " + hex(guest_of(first + i)) +
                       " of the disk: its L1 entry leads nowhere: " + bare_hex(piece[i])
                 : "Repairing L1 entry with reserved bits set: " + bare_hex(piece[i]));
  }
  piece = std::move(repaired);
  co_return {};
}

Task<> ReferenceCounter::count_tables(std::span<const uint64_t> l1, uint64_t first, bool active) {
  const uint64_t cluster_size = header_.cluster_size();
  for (size_t i = 0; i < l1.size(); ++i) {
    const uint64_t entry = l1[i];
    if (entry == 0) continue;
    if ((entry & l1_reserved_mask) != 0) {
      report_.corruption("ERROR found L1 entry with reserved bits set: " + bare_hex(entry));
    }
    const uint64_t table = entry & l1_offset_mask;
    if (active && (entry & copied_flag) == 0) l1_copied_ = false;
    regions_.count(table, cluster_size);
    if (!is_aligned(table, cluster_size)) {
      report_.corruption("ERROR l2_offset=" + bare_hex(table) +
                         ": Table is not cluster aligned; L1 entry corrupted");
    }
    const uint64_t in_a_row = tables_in_a_row(l1.subspan(i), cluster_size, window_.capacity());
    auto bytes = co_await window_.get(table, in_a_row);
    if (!bytes) co_return unreadable(report_, "check_refcounts_l2");
    CO_TRY(co_await check_table(table, *bytes, guest_of(first + i), active));
  }
  co_return {};
}

Task<> ReferenceCounter::check_table(uint64_t table, const std::byte* bytes, uint64_t guest,
                                     bool active) {
  if (repair_ == nullptr || !l2_.repairable(bytes, repair_->gives_up())) {
    l2_.check(bytes, active);
    co_return {};
  }
  CO_TRY(co_await repair_->get_ready());
  L2Repair repair{guest, repair_->gives_up(), {}};
  l2_.check(bytes, active, repair_->may_change(table) ? &repair : nullptr);
  if (repair.changes.empty()) co_return {};
  CO_TRY(co_await repair_->change(table, std::span(bytes, header_.cluster_size()), repair.changes));
  window_.forget();
  co_return {};
}

Task<> ReferenceCounter::count_snapshots(std::span<const Snapshot> snapshots) {
  for (const Snapshot& snapshot : snapshots) {
    // Up to the first NUL. NOLINTBEGIN(readability-redundant-string-cstr)
    const std::string named =
        std::string("ERROR snapshot ") + snapshot.id.c_str() + " (" + snapshot.name.c_str() + ") ";
    // NOLINTEND(readability-redundant-string-cstr)
    if (!is_aligned(snapshot.l1_table_offset, header_.cluster_size())) {
      report_.corruption(named + "l1_offset=" + hex(snapshot.l1_table_offset) +
                         ": L1 table is not cluster aligned; snapshot table entry corrupted");
      continue;
    }
    if (snapshot.l1_size > max_l1_bytes / 8) {
      report_.corruption(named + "l1_size=" + hex(snapshot.l1_size) +
                         ": L1 table is too large; snapshot table entry corrupted");
      continue;
    }
    CO_TRY(co_await count_l1(snapshot.l1_table_offset, snapshot.l1_size, false));
  }
  regions_.count(header_.snapshots_offset, snapshot_table_bytes(snapshots));
  co_return {};
}

// Where bits are gone, all of them are set: a bitmap may name more than what changed, never less.
Task<> ReferenceCounter::repair_bitmap(const Bitmap& bitmap, std::vector<uint64_t>& table) {
  if (bitmap.foreign()) co_return {};
  const std::vector<uint64_t> before = table;
  for (uint64_t& entry : table) {
    const uint64_t offset = entry & bitmap_table_offset_mask;
    if (offset != 0 && !regions_.inside(offset, header_.cluster_size())) {
      entry = bitmap_all_ones;
    }
  }
  if (table == before) co_return {};
  CO_TRY_ASSIGN(const bool done,
                co_await repair_->replace_bitmap_table(bitmap.table_offset, table));
  if (!done) table = before;
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i] == before[i]) continue;
    report_.corruption_fixed("Repairing bitmap '" + bitmap.name + "' table entry " +
                             std::to_string(i) + " is outside image; all of it is dirty");
  }
  co_return {};
}

Task<> ReferenceCounter::count_bitmaps() {
  if (!header_.bitmaps) co_return {};
  regions_.count(header_.bitmaps->directory_offset, header_.bitmaps->directory_size);
  CO_TRY_ASSIGN(const std::vector<Bitmap> bitmaps, co_await read_bitmap_directory(file_, header_));
  for (const Bitmap& bitmap : bitmaps) {
    regions_.count(bitmap.table_offset, uint64_t{bitmap.table_size} * 8);
    auto table = co_await read_bitmap_table(file_, header_, bitmap);
    if (!table) {
      report_.corruption("ERROR: " + table.error().message());
      continue;
    }
    if (repair_ != nullptr) CO_TRY(co_await repair_bitmap(bitmap, *table));
    for (const uint64_t entry : *table) {
      const uint64_t offset = entry & bitmap_table_offset_mask;
      if (offset != 0) regions_.count(offset, header_.cluster_size());
    }
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
