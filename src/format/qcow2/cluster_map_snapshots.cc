// What snapshots and compacting ask of the active tables: flags that tell who shares, another
// tree, tables at other places.
#include "format/qcow2/cluster_map.h"

namespace oxbow::format::qcow2 {

Task<> ClusterMap::update_copied_flags(CopiedRule rule, const std::vector<bool>& wanted) {
  std::vector<uint64_t> l1 = l1_;
  CO_TRY(co_await set_copied_flags(gate_, header_, refcounts_, l1, rule, wanted));
  cache_.drop_all();
  std::vector<uint64_t> changed;
  for (size_t i = 0; i < l1.size(); ++i) {
    if (l1[i] != l1_[i]) changed.push_back(i);
  }
  l1_ = std::move(l1);
  CO_TRY(co_await write_l1_entries(changed));
  co_return co_await gate_.barrier();
}

Task<> ClusterMap::adopt_l1(uint64_t offset, std::vector<uint64_t> entries, uint64_t disk_size) {
  // Size, encryption method, entries and offset side by side: one sector, one write.
  std::byte raw[24];
  store_be<uint64_t>(raw, disk_size);
  store_be<uint32_t>(raw + 8, header_.crypt_method);
  store_be<uint32_t>(raw + 12, static_cast<uint32_t>(entries.size()));
  store_be<uint64_t>(raw + 16, offset);
  CO_TRY(co_await gate_.switch_header(header_offset_size, raw));
  take_l1_place(offset, entries.size());
  header_.size = disk_size;
  l1_ = std::move(entries);
  cache_.drop_all();
  co_return {};
}

Task<> ClusterMap::relink_tables(std::span<const TablePlace> places) {
  std::vector<uint64_t> changed;
  for (const TablePlace& place : places) {
    l1_[place.index] = (l1_[place.index] & ~l1_offset_mask) | place.offset;
    changed.push_back(place.index);
  }
  cache_.drop_all();
  const Result<void> written = co_await write_l1_entries(changed);
  if (!written) dirty_l1_.insert(dirty_l1_.end(), changed.begin(), changed.end());
  co_return written;
}

}  // namespace oxbow::format::qcow2
