#include "format/qcow2/repair_entries.h"

#include "format/qcow2/bitmap_directory.h"
#include "format/qcow2/check_references.h"

namespace oxbow::format::qcow2 {

Task<TableOwnership> TableOwnership::create(storage::Source& file, const Header& header,
                                            std::span<const Snapshot> snapshots,
                                            const Survey& survey) {
  CO_TRY_ASSIGN(ReferenceMap tables, ReferenceMap::create(survey.references.clusters()));
  TableOwnership owners(header, survey, std::move(tables));
  CO_TRY(co_await owners.count_l1(file, header.l1_table_offset, header.l1_size));
  for (const Snapshot& snapshot : snapshots) {
    if (!snapshot_l1_sound(header, snapshot)) continue;
    CO_TRY(co_await owners.count_l1(file, snapshot.l1_table_offset, snapshot.l1_size));
  }
  co_return std::move(owners);
}

Task<> TableOwnership::count_l1(storage::Source& file, uint64_t offset, uint64_t entries) {
  for (uint64_t first = 0; first < entries; first += l1_piece) {
    CO_TRY_ASSIGN(const std::vector<uint64_t> l1,
                  co_await read_l1_piece(file, offset, first, std::min(l1_piece, entries - first)));
    for (const uint64_t entry : l1) {
      const uint64_t table = entry & l1_offset_mask;
      const uint64_t cluster = table >> header_.cluster_bits;
      if (table == 0 || !is_aligned(table, header_.cluster_size())) continue;
      if (cluster < tables_.clusters()) tables_.add(cluster, 1);
    }
  }
  co_return {};
}

// Where references have not been counted, as there are too many, nothing is certain.
bool TableOwnership::only_l2_table(uint64_t offset) const {
  const uint64_t cluster = offset >> header_.cluster_bits;
  return !survey_.overflowed && is_aligned(offset, header_.cluster_size()) &&
         cluster < tables_.clusters() && tables_.count(cluster) != 0 &&
         tables_.count(cluster) == survey_.references.count(cluster);
}

bool TableOwnership::referred_once(uint64_t offset, uint64_t length) const {
  const uint64_t end = div_round_up(offset + length, header_.cluster_size());
  if (survey_.overflowed || end > survey_.references.clusters()) return false;
  for (uint64_t cluster = offset >> header_.cluster_bits; cluster < end; ++cluster) {
    if (survey_.references.count(cluster) != 1) return false;
  }
  return true;
}

Task<> EntryRepair::get_ready() {
  if (owners_) co_return {};
  CO_TRY_ASSIGN(Survey seen, co_await survey_quietly(gate_.file(), header_, snapshots_));
  survey_.emplace(std::move(seen));
  CO_TRY_ASSIGN(TableOwnership owners,
                co_await TableOwnership::create(gate_.file(), header_, snapshots_, *survey_));
  owners_.emplace(std::move(owners));
  if (gives_up_) {
    CO_TRY_ASSIGN(gives_up_, co_await make_all_dirty());
  }
  co_return {};
}

// The bitmaps that follow the disk; on disk when this returns.
Task<bool> EntryRepair::make_all_dirty() {
  if (!header_.bitmaps) co_return true;
  CO_TRY_ASSIGN(const std::vector<Bitmap> bitmaps,
                co_await read_bitmap_directory(gate_.file(), header_));
  for (const Bitmap& bitmap : bitmaps) {
    if (bitmap.foreign() || bitmap.in_use() || !bitmap.enabled()) continue;
    const std::vector<uint64_t> ones(bitmap.table_size, bitmap_all_ones);
    CO_TRY_ASSIGN(const bool done, co_await replace_bitmap_table(bitmap.table_offset, ones));
    if (!done) co_return false;
  }
  CO_TRY(co_await gate_.barrier());
  co_return true;
}

Task<> EntryRepair::change(uint64_t l2_table, std::span<const std::byte> bytes,
                           std::span<const L2Repair::Change> changes) {
  std::vector<std::byte> changed(bytes.begin(), bytes.end());
  for (const auto& [index, entry] : changes) {
    std::byte* at = changed.data() + index * header_.l2_entry_size();
    store_be<uint64_t>(at, entry.raw);
    if (header_.extended_l2()) store_be<uint64_t>(at + 8, entry.bitmap);
  }
  const iovec from = io_slice(std::span<const std::byte>(changed));
  co_return co_await gate_.write(Writes::active_l2, l2_table, IoSpan(&from, 1));
}

Task<> write_entries(Gate& gate, Writes what, uint64_t offset, std::span<const uint64_t> entries) {
  std::vector<std::byte> raw(entries.size() * 8);
  store_be_all(raw.data(), entries);
  const iovec from = io_slice(std::span<const std::byte>(raw));
  co_return co_await gate.write(what, offset, IoSpan(&from, 1));
}

Task<bool> EntryRepair::replace_bitmap_table(uint64_t offset, std::span<const uint64_t> table) {
  CO_TRY(co_await get_ready());
  if (!may_change(offset, table.size())) co_return false;
  CO_TRY(co_await write_entries(gate_, Writes::bitmap_table, offset, table));
  co_return true;
}

}  // namespace oxbow::format::qcow2
