#include "format/qcow2/cluster_map.h"

#include <algorithm>

#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

ClusterMap::ClusterMap(Gate& gate, Header& header, Refcounts& refcounts, uint32_t slice_size,
                       uint64_t cache_bytes, WriteBarrier& barrier)
    : gate_(gate),
      header_(header),
      refcounts_(refcounts),
      per_table_(header.l2_entries()),
      per_slice_(slice_size / header.l2_entry_size()),
      cache_(gate, Writes::active_l2, slice_size, cache_bytes, barrier) {}

Task<> ClusterMap::load() {
  l1_.resize(header_.l1_size);
  co_return co_await read_entries(gate_.file(), header_.l1_table_offset, l1_);
}

uint64_t ClusterMap::slice_offset(uint64_t table, uint64_t cluster) const {
  return table + cluster % per_table_ / per_slice_ * cache_.slice_size();
}

Result<uint64_t> ClusterMap::table_offset(uint64_t l1_index) const {
  if (l1_index >= l1_.size()) return 0;
  const uint64_t offset = l1_[l1_index] & l1_offset_mask;
  if (!is_aligned(offset, header_.cluster_size())) [[unlikely]] {
    return fail(
        ErrorKind::corrupt,
        "L2 table offset " + hex(offset) + " unaligned (L1 index: " + hex_or_zero(l1_index) + ")",
        EIO);
  }
  return offset;
}

std::string ClusterMap::name_entry(uint64_t cluster) const {
  return "L2 offset: " + hex_or_zero(table_offset(l1_index(cluster)).value_or(0)) +
         ", L2 index: " + hex_or_zero(cluster % per_table_);
}

bool ClusterMap::owns_table(uint64_t l1_index) const {
  return (l1_[l1_index] & copied_flag) != 0 && (l1_[l1_index] & l1_offset_mask) != 0;
}

uint64_t ClusterMap::clusters_without_table(uint64_t cluster) const {
  const uint64_t first = l1_index(cluster);
  uint64_t index = first + 1;
  while (index < l1_.size() && (l1_[index] & l1_offset_mask) == 0) ++index;
  return (index - first) * per_table_ - cluster % per_table_;
}

EntryView ClusterMap::view(SliceRef slice, uint64_t cluster) const {
  const auto first = static_cast<uint32_t>(cluster % per_slice_);
  return {std::move(slice), first, static_cast<uint32_t>(per_slice_ - first), header_};
}

std::optional<EntryView> ClusterMap::find(uint64_t cluster) {
  const Result<uint64_t> table = table_offset(l1_index(cluster));
  if (!table) return std::nullopt;
  if (*table == 0) return view({}, cluster);
  SliceRef slice = cache_.find(slice_offset(*table, cluster));
  if (!slice) return std::nullopt;
  return view(std::move(slice), cluster);
}

Task<EntryView> ClusterMap::look_up(uint64_t cluster) {
  CO_TRY_ASSIGN(const uint64_t table, table_offset(l1_index(cluster)));
  if (table == 0) co_return view({}, cluster);
  gate_.file().event("l2_load");
  CO_TRY_ASSIGN(SliceRef slice,
                co_await cache_.get(slice_offset(table, cluster), table + header_.cluster_size()));
  co_return view(std::move(slice), cluster);
}

Task<EntryView> ClusterMap::look_up_for_change(uint64_t cluster) {
  const uint64_t index = l1_index(cluster);
  if (index >= l1_.size()) {
    co_return fail(ErrorKind::corrupt, "the L1 table is too small for the disk size", EIO);
  }
  if (!owns_table(index)) {
    CO_TRY(co_await make_table(index));
  }
  co_return co_await look_up(cluster);
}

// A table of our own for L1 entry `l1_index`: empty, or a copy of the one that is shared.
// The L1 entry changes in memory now and on disk after the table, see write_back().
Task<> ClusterMap::make_table(uint64_t l1_index) {
  CO_TRY_ASSIGN(auto guard, co_await making_.lock());
  if (owns_table(l1_index)) co_return {};
  CO_TRY_ASSIGN(const uint64_t shared, table_offset(l1_index));
  gate_.file().event(shared == 0 ? "l2_alloc_write" : "l2_alloc_cow_read");
  CO_TRY_ASSIGN(const uint64_t offset, co_await refcounts_.allocate(Writes::active_l2, 1));
  const Result<void> filled = co_await fill_table(offset, shared);
  if (!filled) {
    refcounts_.release(Writes::active_l2, offset, 1);
    co_return filled;
  }
  l1_[l1_index] = offset | copied_flag;
  dirty_l1_.push_back(l1_index);
  if (shared != 0) refcounts_.release(Writes::active_l2, shared, 1);
  co_return {};
}

Task<> ClusterMap::fill_table(uint64_t offset, uint64_t copied_from) {
  const uint64_t bytes = header_.cluster_size();
  cache_.drop(offset, bytes);
  if (copied_from == 0) {
    co_return co_await gate_.write_zeroes(Writes::active_l2, offset, bytes, {});
  }
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate(bytes));
  const iovec all = io_slice(table.span());
  CO_TRY(co_await gate_.read(copied_from, IoSpan(&all, 1)));
  co_return co_await gate_.write(Writes::active_l2, offset, IoSpan(&all, 1));
}

Task<> ClusterMap::write_l1_entries(const std::vector<uint64_t>& entries) {
  gate_.file().event("l1_update");
  constexpr size_t most = 4096;  // entries in one write
  for (size_t begin = 0; begin < entries.size();) {
    const uint64_t first = entries[begin];
    size_t end = begin + 1;
    while (end < entries.size() && entries[end] == first + (end - begin) && end - begin < most) {
      ++end;
    }
    std::vector<std::byte> raw((end - begin) * 8);
    for (size_t i = begin; i < end; ++i) {
      store_be<uint64_t>(raw.data() + (i - begin) * 8, l1_[entries[i]]);
    }
    const iovec from = io_slice(std::span<const std::byte>(raw));
    CO_TRY(co_await gate_.write(Writes::active_l1, header_.l1_table_offset + first * 8,
                                IoSpan(&from, 1)));
    begin = end;
  }
  co_return {};
}

Task<> ClusterMap::write_back() {
  // Taken before the barrier runs, which covers the tables that these entries link; tables
  // made meanwhile wait for the next time. A linked table may be older than the slices
  // written here: it is empty or a copy on disk, and that is what it said before.
  std::vector<uint64_t> linked = std::exchange(dirty_l1_, {});
  Result<void> written = co_await cache_.write_back(!linked.empty());
  if (written && !linked.empty()) written = co_await write_l1_entries(linked);
  if (!written) dirty_l1_.insert(dirty_l1_.end(), linked.begin(), linked.end());
  co_return written;
}

}  // namespace oxbow::format::qcow2
