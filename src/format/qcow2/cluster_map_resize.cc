// The L1 table grows and shrinks with the disk.
#include <algorithm>

#include "format/qcow2/cluster_map.h"

namespace oxbow::format::qcow2 {

Task<> ClusterMap::grow_l1(uint64_t entries) {
  // Links that the old table on disk lacks go straight into the new one.
  CO_TRY(co_await write_back());
  gate_.file().event("l1_grow_alloc_table");
  const uint64_t bytes = align_up(entries * 8, header_.cluster_size());
  CO_TRY_ASSIGN(const uint64_t offset,
                co_await refcounts_.allocate(Writes::active_l1, bytes >> header_.cluster_bits));
  const Result<void> written = co_await write_grown_l1(offset, bytes);
  if (!written) {
    refcounts_.release(Writes::active_l1, offset, bytes >> header_.cluster_bits);
    co_return written;
  }
  // A failure from here on may have reached the header: the new place leaks rather than be freed.
  co_return co_await switch_l1(offset, entries);
}

Task<> ClusterMap::write_grown_l1(uint64_t offset, uint64_t bytes) {
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate_zeroed(bytes));
  store_be_all(table.data(), l1_);
  const iovec all = io_slice(table.span());
  gate_.file().event("l1_grow_write_table");
  CO_TRY(co_await gate_.write(Writes::active_l1, offset, IoSpan(&all, 1)));
  CO_TRY(co_await refcounts_.write_back());
  co_return co_await gate_.barrier();
}

Task<> ClusterMap::switch_l1(uint64_t offset, uint64_t entries) {
  std::byte raw[12];
  store_be<uint32_t>(raw, static_cast<uint32_t>(entries));
  store_be<uint64_t>(raw + 4, offset);
  gate_.file().event("l1_grow_activate_table");
  CO_TRY(co_await gate_.switch_header(header_offset_l1, raw));
  take_l1_place(offset, entries);
  l1_.resize(entries);
  co_return {};
}

// The header on disk names it; the old place is free.
void ClusterMap::take_l1_place(uint64_t offset, uint64_t entries) {
  const uint64_t old_bytes = uint64_t{header_.l1_size} * 8;
  if (old_bytes != 0) {
    refcounts_.release(Writes::active_l1, header_.l1_table_offset,
                       div_round_up(old_bytes, header_.cluster_size()));
  }
  header_.l1_table_offset = offset;
  header_.l1_size = static_cast<uint32_t>(entries);
}

Task<> ClusterMap::drop_tables(uint64_t first_cluster, uint64_t end) {
  // The table that `first_cluster` lies in may hold clusters before it: it stays.
  end = std::min<uint64_t>(end, l1_.size());
  for (uint64_t i = div_round_up(first_cluster, per_table_); i < end; ++i) {
    if (l1_[i] == 0) continue;
    CO_TRY_ASSIGN(const uint64_t table, table_offset(i));
    l1_[i] = 0;
    dirty_l1_.push_back(i);
    if (table == 0) continue;
    cache_.drop(table, header_.cluster_size());
    refcounts_.release(Writes::active_l2, table, 1);
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
