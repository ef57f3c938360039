#include "format/qcow2/repair_entries.h"

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

Task<> ZeroEntryRepair::look() {
  CO_TRY_ASSIGN(Survey seen, co_await survey_quietly(gate_.file(), header_, snapshots_));
  survey_.emplace(std::move(seen));
  CO_TRY_ASSIGN(TableOwnership owners,
                co_await TableOwnership::create(gate_.file(), header_, snapshots_, *survey_));
  owners_.emplace(std::move(owners));
  co_return {};
}

Task<bool> ZeroEntryRepair::may_change(uint64_t table) {
  if (!owners_) CO_TRY(co_await look());
  co_return owners_->only_l2_table(table);
}

Task<> ZeroEntryRepair::zero(uint64_t table, std::span<const std::byte> bytes,
                             std::span<const uint64_t> entries) {
  std::vector<std::byte> changed(bytes.begin(), bytes.end());
  const uint64_t plain_zero = header_.extended_l2() ? 0 : l2_zero_flag;
  for (const uint64_t entry : entries) {
    store_be<uint64_t>(changed.data() + entry * header_.l2_entry_size(), plain_zero);
  }
  const iovec from = io_slice(std::span<const std::byte>(changed));
  co_return co_await gate_.write(Writes::active_l2, table, IoSpan(&from, 1));
}

Task<bool> ZeroEntryRepair::replace_bitmap_table(uint64_t offset, std::span<const uint64_t> table) {
  if (!owners_) CO_TRY(co_await look());
  if (!owners_->referred_once(offset, table.size() * 8)) co_return false;
  std::vector<std::byte> raw(table.size() * 8);
  store_be_all(raw.data(), table);
  const iovec from = io_slice(std::span<const std::byte>(raw));
  CO_TRY(co_await gate_.write(Writes::bitmap_table, offset, IoSpan(&from, 1)));
  co_return true;
}

}  // namespace oxbow::format::qcow2
