// Growth of the refcount table: a larger table and the blocks that count it are written
// beside the old one, in space nothing refers to, then the header is switched.
#include "format/qcow2/header_switch.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/refcounts.h"

namespace oxbow::format::qcow2 {
namespace {

struct Growth {
  uint64_t table_clusters;
  uint64_t blocks;
};

// How many clusters a table that reaches past `first` + its own space needs.
Growth plan_growth(uint64_t first, uint64_t block_needed, uint64_t per_block,
                   uint32_t cluster_size) {
  Growth growth{1, 1};
  for (;;) {
    const uint64_t end = first + growth.table_clusters + growth.blocks;
    const uint64_t blocks = div_round_up(end, per_block) - first / per_block;
    // Half as much again as is needed now, so that growing is rare.
    const uint64_t reach = std::max(div_round_up(end, per_block), block_needed + 1);
    const uint64_t clusters = div_round_up((reach + reach / 2) * 8, cluster_size);
    if (blocks <= growth.blocks && clusters <= growth.table_clusters) return growth;
    growth.blocks = std::max(blocks, growth.blocks);
    growth.table_clusters = std::max(clusters, growth.table_clusters);
  }
}

}  // namespace

Task<> Refcounts::grow_table(uint64_t block) {
  // A growth that failed may have left the header naming the place that is filled now.
  CO_TRY(co_await gate_.settle_header());
  const uint64_t cluster_size = header_.cluster_size();
  // The first cluster that the old table cannot describe, or beyond the one asked for.
  const uint64_t first = table_.size() * per_block_;
  const Growth growth = plan_growth(first, block, per_block_, cluster_size);
  const uint64_t end = first + growth.blocks + growth.table_clusters;
  if (growth.table_clusters * cluster_size > max_refcount_table_bytes ||
      (end << header_.cluster_bits) > max_host_offset) {
    co_return fail(ErrorKind::no_space, "the refcount table would exceed its limit", EFBIG);
  }
  const uint64_t blocks_offset = first << header_.cluster_bits;
  const uint64_t table_offset = (first + growth.blocks) << header_.cluster_bits;
  const uint64_t table_bytes = growth.table_clusters << header_.cluster_bits;
  const uint64_t blocks_bytes = table_offset - blocks_offset;
  CO_TRY(co_await gate_.enter(Writes::refcount_block, blocks_offset, blocks_bytes));
  const Result<void> entered =
      co_await gate_.enter(Writes::refcount_table, table_offset, table_bytes);
  if (!entered) {
    gate_.leave(Writes::refcount_block, blocks_offset, blocks_bytes);
    co_return entered;
  }
  const uint64_t old_offset = header_.refcount_table_offset;
  const uint64_t old_clusters = header_.refcount_table_clusters;
  const size_t old_size = table_.size();
  Result<void> grown = co_await write_grown_table(first, growth.blocks, growth.table_clusters);
  if (grown) {
    grown = co_await switch_refcount_table(gate_, header_, table_offset,
                                           static_cast<uint32_t>(growth.table_clusters));
  }
  if (!grown) {
    gate_.leave(Writes::refcount_block, blocks_offset, blocks_bytes);
    gate_.leave(Writes::refcount_table, table_offset, table_bytes);
    co_return grown;
  }
  dirty_entries_.clear();
  table_.resize(growth.table_clusters * cluster_size / 8);
  for (uint64_t i = 0; i < growth.blocks; ++i) {
    table_[old_size + i] = (first + i) << header_.cluster_bits;
  }
  for (uint64_t i = 0; i < growth.blocks; ++i) CO_TRY(co_await learn_region(old_size + i));
  end_ = std::max(end_, end);
  release(Writes::refcount_table, old_offset, old_clusters);
  co_return {};
}

// Blocks at [first, first + new_blocks), table right after them: each counts itself, too.
Task<> Refcounts::write_grown_table(uint64_t first, uint64_t new_blocks, uint64_t table_clusters) {
  const uint64_t cluster_size = header_.cluster_size();
  CO_TRY_ASSIGN(Buffer blocks, Buffer::allocate_zeroed(new_blocks * cluster_size));
  for (uint64_t i = 0; i < new_blocks + table_clusters; ++i) {
    store_refcount(blocks.data() + i / per_block_ * cluster_size, i % per_block_,
                   header_.refcount_order, 1);
  }
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate_zeroed(table_clusters * cluster_size));
  store_be_all(table.data(), table_);
  for (uint64_t i = 0; i < new_blocks; ++i) {
    store_be<uint64_t>(table.data() + (table_.size() + i) * 8, (first + i) << header_.cluster_bits);
  }
  const uint64_t offset = first << header_.cluster_bits;
  cache_.drop(offset, new_blocks * cluster_size);
  iovec from = io_slice(blocks.span());
  CO_TRY(co_await gate_.write(Writes::refcount_block, offset, IoSpan(&from, 1)));
  from = io_slice(table.span());
  CO_TRY(co_await gate_.write(Writes::refcount_table, offset + new_blocks * cluster_size,
                              IoSpan(&from, 1)));
  // Entries of the old table that are not on disk yet go with the new one; their blocks'
  // contents must be there before.
  CO_TRY(co_await cache_.write_back());
  co_return co_await gate_.barrier();
}

}  // namespace oxbow::format::qcow2
