// What compacting asks of the refcounts: certain clusters taken, blocks and
// their table moved down, blocks dropped that count nothing.
#include <algorithm>

#include "format/qcow2/header_switch.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/refcounts.h"

namespace oxbow::format::qcow2 {

Task<> Refcounts::claim(Writes kind, uint64_t cluster) {
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  CO_TRY_ASSIGN(const uint64_t now, co_await refcount(cluster));
  if (now != 0 || !counts(cluster)) {
    co_return fail(ErrorKind::internal, "cluster " + std::to_string(cluster) + " is not free");
  }
  const uint64_t offset = cluster << header_.cluster_bits;
  if (kind != Writes::data) CO_TRY(co_await gate_.enter(kind, offset, header_.cluster_size()));
  co_return co_await add_reference(cluster, 1);
}

// The same counts at two places, then one entry that switches between them.
Task<> Refcounts::move_block(uint64_t block, uint64_t cluster) {
  CO_TRY(co_await claim(Writes::refcount_block, cluster));
  CO_TRY(co_await write_back());
  const uint64_t old = table_[block];
  const uint64_t offset = cluster << header_.cluster_bits;
  CO_TRY_ASSIGN(Buffer counts, Buffer::allocate(header_.cluster_size()));
  const iovec all = io_slice(counts.span());
  CO_TRY(co_await gate_.read(old, IoSpan(&all, 1)));
  CO_TRY(co_await gate_.write(Writes::refcount_block, offset, IoSpan(&all, 1)));
  CO_TRY(co_await gate_.barrier());
  // From here on counts change at the new place alone, which nothing relies on
  // before the entry is written: write_back() tries again where this fails.
  table_[block] = offset;
  dirty_entries_.push_back(block);
  cache_.drop(old, header_.cluster_size());
  CO_TRY(co_await write_entries());
  CO_TRY(co_await gate_.barrier());
  release(Writes::refcount_block, old, 1);
  co_return {};
}

Task<> Refcounts::move_table_down(uint64_t end) {
  const uint64_t old = header_.refcount_table_offset;
  const uint32_t clusters = header_.refcount_table_clusters;
  if (old + (uint64_t{clusters} << header_.cluster_bits) <= end) co_return {};
  cursor_ = 0;
  CO_TRY_ASSIGN(const uint64_t offset, co_await allocate(Writes::refcount_table, clusters));
  if (offset > old) {
    std::vector<Release> unused{{Writes::refcount_table, offset >> header_.cluster_bits, clusters}};
    co_return co_await apply(unused);
  }
  CO_TRY(co_await write_back());
  std::vector<std::byte> table(uint64_t{clusters} << header_.cluster_bits);
  store_be_all(table.data(), table_);
  const iovec all = io_slice(std::span<const std::byte>(table));
  CO_TRY(co_await gate_.write(Writes::refcount_table, offset, IoSpan(&all, 1)));
  CO_TRY(co_await gate_.barrier());
  CO_TRY(co_await switch_refcount_table(gate_, header_, offset, clusters));
  release(Writes::refcount_table, old, clusters);
  co_return {};
}

// Whether it counts nothing, or itself alone.
Task<bool> Refcounts::is_needless(uint64_t block) {
  const uint64_t itself = table_[block] >> header_.cluster_bits;
  for (uint64_t at = block * per_block_; at < (block + 1) * per_block_; at += per_slice_) {
    CO_TRY_ASSIGN(const CountsInSlice near, co_await counts_around(at));
    for (uint64_t i = near.first; i < near.end; ++i) {
      if (i != itself && near.count(i) != 0) co_return false;
    }
  }
  co_return true;
}

Task<> Refcounts::drop_empty_blocks() {
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  for (uint64_t block = table_.size(); block-- > 0;) {
    if (table_[block] == 0) continue;
    CO_TRY_ASSIGN(const bool needless, co_await is_needless(block));
    if (!needless) continue;
    CO_TRY(co_await write_back());
    const uint64_t old = std::exchange(table_[block], 0);
    dirty_entries_.push_back(block);
    const Result<void> written = co_await write_entries();
    if (!written) {
      table_[block] = old;  // its entry is still to be written
      co_return written;
    }
    CO_TRY(co_await gate_.barrier());
    cache_.drop(old, header_.cluster_size());
    free_.set_empty(block);
    if (block_of(old >> header_.cluster_bits) == block) {
      gate_.leave(Writes::refcount_block, old, header_.cluster_size());
    } else {
      release(Writes::refcount_block, old, 1);
    }
  }
  co_return {};
}

Task<uint64_t> Refcounts::last_counted() {
  for (uint64_t block = table_.size(); block-- > 0;) {
    if (table_[block] == 0) continue;
    for (uint64_t at = (block + 1) * per_block_; at > block * per_block_; at -= per_slice_) {
      CO_TRY_ASSIGN(const CountsInSlice near, co_await counts_around(at - 1));
      for (uint64_t i = near.end; i-- > near.first;) {
        if (near.count(i) != 0) co_return i + 1;
      }
    }
  }
  co_return uint64_t{0};
}

}  // namespace oxbow::format::qcow2
