// The counts in another width: a whole new table with blocks beside the old, which are clusters
// like any other to them, then one header write that switches, then the old ones are freed.
#include <bit>

#include "format/qcow2/header_switch.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/refcounts.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

// Which regions of `per_block` clusters hold a count; refused where one has no room.
Task<std::vector<bool>> Refcounts::regions_in_width(unsigned order) {
  const uint64_t per_block = (uint64_t{header_.cluster_size()} * 8) >> order;
  std::vector<bool> counted;
  for (uint64_t at = 0; at < table_.size() * per_block_; at += per_slice_) {
    if (!has_block(block_of(at))) {
      at = (block_of(at) + 1) * per_block_ - per_slice_;
      continue;
    }
    CO_TRY_ASSIGN(const SliceRef slice, co_await slice_of(at));
    for (uint64_t i = 0; i < per_slice_; ++i) {
      const uint64_t count = load_refcount(slice.data(), i, header_.refcount_order);
      if (count == 0) continue;
      if (count > max_refcount(order)) {
        co_return fail(ErrorKind::unsupported,
                       "Cannot decrease refcount entry width to " + std::to_string(1U << order) +
                           " bits: Cluster at offset " + hex((at + i) << header_.cluster_bits) +
                           " has a refcount of " + std::to_string(count),
                       EINVAL);
      }
      const uint64_t region = (at + i) / per_block;
      if (counted.size() <= region) counted.resize(region + 1);
      counted[region] = true;
    }
  }
  co_return counted;
}

Task<> Refcounts::check_width(unsigned order) {
  CO_TRY(co_await regions_in_width(order));
  co_return {};
}

Task<uint64_t> Refcounts::take_for(NewWidth& width, Writes kind, uint64_t clusters) {
  CO_TRY_ASSIGN(const uint64_t offset, co_await allocate(kind, clusters));
  width.taken.push_back({kind, offset >> header_.cluster_bits, clusters});
  co_return offset;
}

// What is placed is to be counted, too, so this goes on until nothing is missing.
Task<> Refcounts::place_width(NewWidth& width) {
  const uint64_t per_cluster = header_.cluster_size() / 8;
  for (bool placed = true; placed;) {
    placed = false;
    CO_TRY_ASSIGN(const std::vector<bool> counted, co_await regions_in_width(width.order));
    if (counted.size() > width.blocks.size()) width.blocks.resize(counted.size());
    for (size_t region = 0; region < counted.size(); ++region) {
      if (!counted[region] || width.blocks[region] != 0) continue;
      CO_TRY_ASSIGN(width.blocks[region], co_await take_for(width, Writes::refcount_block, 1));
      placed = true;
    }
    if (width.blocks.size() <= width.table_clusters * per_cluster) continue;
    // Room for half as much again, so that it is not placed twice. What was placed before leaks
    // into the new counts until the end.
    const uint64_t entries = width.blocks.size() + width.blocks.size() / 2;
    width.table_clusters = div_round_up(entries, per_cluster);
    if (width.table_clusters << header_.cluster_bits > max_refcount_table_bytes) {
      co_return fail(ErrorKind::no_space, "the refcount table would exceed its limit", EFBIG);
    }
    if (width.table_offset != 0) {
      width.outgrown.push_back(width.taken[width.table_at]);
    }
    width.table_at = width.taken.size();
    CO_TRY_ASSIGN(width.table_offset,
                  co_await take_for(width, Writes::refcount_table, width.table_clusters));
    placed = true;
  }
  co_return {};
}

Task<> Refcounts::fill_block(const NewWidth& width, uint64_t region, std::span<std::byte> block) {
  std::ranges::fill(block, std::byte{0});
  const uint64_t per_block = (uint64_t{header_.cluster_size()} * 8) >> width.order;
  CountsInSlice near;
  for (uint64_t i = 0; i < per_block; ++i) {
    const uint64_t cluster = region * per_block + i;
    if (!near.covers(cluster)) {
      CO_TRY_ASSIGN(near, co_await counts_around(cluster));
    }
    const uint64_t count = near.count(cluster);
    if (count != 0) store_refcount(block.data(), i, width.order, count);
  }
  co_return {};
}

Task<> Refcounts::write_width(const NewWidth& width, const WidthProgress& progress) {
  CO_TRY_ASSIGN(Buffer block, Buffer::allocate(header_.cluster_size()));
  iovec from = io_slice(block.span());
  for (size_t region = 0; region < width.blocks.size(); ++region) {
    if (progress) progress(region, width.blocks.size());
    if (width.blocks[region] == 0) continue;
    CO_TRY(co_await fill_block(width, region, block.span()));
    CO_TRY(co_await gate_.write(Writes::refcount_block, width.blocks[region], IoSpan(&from, 1)));
  }
  CO_TRY_ASSIGN(Buffer table,
                Buffer::allocate_zeroed(width.table_clusters << header_.cluster_bits));
  store_be_all(table.data(), std::span<const uint64_t>(width.blocks));
  from = io_slice(table.span());
  CO_TRY(co_await gate_.write(Writes::refcount_table, width.table_offset, IoSpan(&from, 1)));
  co_return co_await gate_.barrier();
}

void Refcounts::adopt_width(NewWidth width) {
  table_ = std::move(width.blocks);
  table_.resize((width.table_clusters << header_.cluster_bits) / 8);
  set_width();
  cache_.drop_all();
  free_ = FreeIndex(per_block_);
  cursor_ = 0;
  bytes_end_ = 0;
}

Task<> Refcounts::change_width(unsigned order, const WidthProgress& progress) {
  CO_TRY(co_await check_width(order));
  NewWidth width;
  width.order = order;
  Result<void> made = co_await place_width(width);
  if (made) made = co_await write_back();
  if (made) made = co_await write_width(width, progress);
  if (!made) {
    // Nothing on disk knows of them yet.
    (void)co_await apply(width.taken);
    co_return made;
  }
  const std::vector<uint64_t> old_blocks = table_;
  const uint64_t old_table = header_.refcount_table_offset;
  const uint64_t old_clusters = header_.refcount_table_clusters;
  CO_TRY(co_await switch_refcount_width(gate_, header_, width.table_offset,
                                        static_cast<uint32_t>(width.table_clusters), order));
  for (const uint64_t block : old_blocks) {
    if (block != 0) release(Writes::refcount_block, block, 1);
  }
  release(Writes::refcount_table, old_table, old_clusters);
  for (const Release& it : width.outgrown) {
    release(it.kind, it.cluster << header_.cluster_bits, it.count);
  }
  adopt_width(std::move(width));
  co_return {};
}

}  // namespace oxbow::format::qcow2
