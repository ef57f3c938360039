#include "format/qcow2/refcounts.h"

#include <algorithm>
#include <bit>

#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/refcount_runs.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
Refcounts::Refcounts(Gate& gate, Header& header, uint64_t cache_bytes, bool punch_freed)
    : gate_(gate),
      header_(header),
      punch_freed_(punch_freed),
      cache_(gate, Writes::refcount_block, std::min(header.cluster_size(), usual_slice),
             cache_bytes, *this),
      free_(header.refcount_block_entries()) {
  set_width();
}

void Refcounts::set_width() {
  per_block_ = header_.refcount_block_entries();
  per_slice_ = (uint64_t{cache_.slice_size()} * 8) >> header_.refcount_order;
  block_bits_ = static_cast<unsigned>(std::countr_zero(per_block_));
  slice_bits_ = static_cast<unsigned>(std::countr_zero(per_slice_));
}

Task<> Refcounts::load() {
  const uint64_t bytes = uint64_t{header_.refcount_table_clusters} * header_.cluster_size();
  table_.resize(bytes / 8);
  CO_TRY(co_await read_entries(gate_.file(), header_.refcount_table_offset, table_));
  for (uint64_t& entry : table_) entry &= refcount_table_offset_mask;
  co_return {};
}

bool Refcounts::has_block(uint64_t block) const {
  return block < table_.size() && table_[block] != 0;
}

// The cached slice that holds the cluster's count; its block must exist.
Task<SliceRef> Refcounts::slice_of(uint64_t cluster) {
  const uint64_t block = table_[block_of(cluster)];
  if (!is_aligned(block, header_.cluster_size())) {
    co_return fail(ErrorKind::corrupt,
                   "Refblock offset " + hex(block) +
                       " unaligned (reftable index: " + hex_or_zero(block_of(cluster)) + ")",
                   EIO);
  }
  const uint64_t slice = (cluster % per_block_) / per_slice_;
  co_return co_await cache_.get(block + slice * cache_.slice_size(),
                                block + header_.cluster_size());
}

Task<uint64_t> Refcounts::refcount(uint64_t cluster) {
  if (!has_block(block_of(cluster))) co_return uint64_t{0};
  CO_TRY_ASSIGN(SliceRef slice, co_await slice_of(cluster));
  co_return load_refcount(slice.data(), cluster % per_slice_, header_.refcount_order);
}

Task<CountsInSlice> Refcounts::counts_around(uint64_t cluster) {
  CountsInSlice counts;
  counts.order = header_.refcount_order;
  counts.first = align_down(cluster, per_slice_);
  counts.end = counts.first + per_slice_;
  if (!has_block(block_of(cluster))) co_return counts;
  CO_TRY_ASSIGN(counts.slice, co_await slice_of(cluster));
  co_return counts;
}

Task<bool> Refcounts::counts_at_least(uint64_t wanted, uint64_t clusters) {
  uint64_t counted = 0;
  clusters = std::min(clusters, table_.size() * per_block_);
  for (uint64_t at = 0; at < clusters && counted < wanted; at += per_slice_) {
    if (!has_block(block_of(at))) {
      at = (block_of(at) + 1) * per_block_ - per_slice_;
      continue;
    }
    CO_TRY_ASSIGN(SliceRef slice, co_await slice_of(at));
    for (uint64_t i = 0; i < std::min(per_slice_, clusters - at); ++i) {
      counted += load_refcount(slice.data(), i, header_.refcount_order) != 0 ? 1 : 0;
    }
  }
  co_return counted >= wanted;
}

Task<> Refcounts::learn_region(uint64_t block) {
  if (!has_block(block)) {
    free_.set_empty(block);
    co_return {};
  }
  std::vector<bool> used(per_block_);
  for (uint64_t i = 0; i < per_block_; i += per_slice_) {
    CO_TRY_ASSIGN(SliceRef slice, co_await slice_of(block * per_block_ + i));
    for (uint64_t k = 0; k < per_slice_; ++k) {
      used[i + k] = load_refcount(slice.data(), k, header_.refcount_order) != 0;
    }
  }
  free_.load(block, [&](uint64_t i) { return used[i]; });
  co_return {};
}

Task<uint64_t> Refcounts::find_free(uint64_t count) {
  for (;;) {
    const FreeIndex::Search search = free_.find(cursor_, count);
    if (search.found) {
      const uint64_t end = (search.cluster + count) << header_.cluster_bits;
      if (end > max_host_offset) {
        co_return fail(ErrorKind::no_space, "the image file would exceed the format's limit",
                       EFBIG);
      }
      co_return search.cluster;
    }
    CO_TRY(co_await learn_region(search.unknown_region));
  }
}

Task<uint64_t> Refcounts::allocate(Writes kind, uint64_t count) {
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  co_return co_await allocate_locked(kind, count);
}

Task<uint64_t> Refcounts::allocate_locked(Writes kind, uint64_t count) {
  for (;;) {
    CO_TRY_ASSIGN(const uint64_t cluster, co_await find_free(count));
    CO_TRY_ASSIGN(const bool changed, co_await ensure_blocks(cluster, count));
    if (changed) continue;
    const uint64_t offset = cluster << header_.cluster_bits;
    if (kind != Writes::data) {
      CO_TRY(co_await gate_.enter(kind, offset, count << header_.cluster_bits));
    }
    const Result<void> counted = co_await add_reference(cluster, count);
    if (!counted) {
      if (kind != Writes::data) gate_.leave(kind, offset, count << header_.cluster_bits);
      co_return std::unexpected(counted.error());
    }
    cursor_ = cluster + count;
    end_ = std::max(end_, cursor_);
    co_return offset;
  }
}

// Nothing is known where the slice is not in memory.
std::optional<uint64_t> Refcounts::count_in_memory(uint64_t cluster) const {
  const uint64_t block = cluster >> block_bits_;
  if (block >= table_.size() || table_[block] == 0) return 0;
  const uint64_t in_block = cluster & (per_block_ - 1);
  const std::byte* counts =
      cache_.peek(table_[block] + (in_block >> slice_bits_) * cache_.slice_size());
  if (counts == nullptr) return std::nullopt;
  return load_refcount(counts, in_block & (per_slice_ - 1), header_.refcount_order);
}

bool Refcounts::known_not_one(uint64_t cluster) const {
  return count_in_memory(cluster).value_or(1) != 1;
}

std::optional<CountsInMemory::Wrong> Refcounts::first_not_one(uint64_t first, uint64_t last) const {
  for (uint64_t cluster = first; cluster <= last; ++cluster) {
    const uint64_t count = count_in_memory(cluster).value_or(1);
    if (count != 1) return Wrong{cluster, count};
  }
  return std::nullopt;
}

Task<bool> Refcounts::ensure_blocks(uint64_t cluster, uint64_t count) {
  for (uint64_t block = block_of(cluster); block <= block_of(cluster + count - 1); ++block) {
    if (has_block(block)) continue;
    gate_.file().event("refblock_alloc");
    // A run that no region has room for beside its own block would never be found: its later
    // regions are counted by blocks outside them, at the run's beginning.
    const bool outside = count >= per_block_ && block != block_of(cluster);
    if (block >= table_.size()) {
      CO_TRY(co_await grow_table(block));
    } else {
      CO_TRY(co_await create_block(block, outside ? cluster : block * per_block_));
    }
    co_return true;
  }
  co_return false;
}

// A new block at `cluster`, which is free: mostly the first of its own, so far empty, region,
// so that it counts itself. Linked in the table only by write_back(), after its contents.
Task<> Refcounts::create_block(uint64_t block, uint64_t cluster) {
  const uint64_t offset = cluster << header_.cluster_bits;
  if (offset + header_.cluster_size() > max_host_offset) {
    co_return fail(ErrorKind::no_space, "the image file would exceed the format's limit", EFBIG);
  }
  CO_TRY(co_await gate_.enter(Writes::refcount_block, offset, header_.cluster_size()));
  cache_.drop(offset, header_.cluster_size());
  Result<void> made =
      co_await gate_.write_zeroes(Writes::refcount_block, offset, header_.cluster_size(), {});
  if (made) {
    table_[block] = offset;
    made = co_await add_reference(cluster, 1);
  }
  if (!made) {
    table_[block] = 0;
    gate_.leave(Writes::refcount_block, offset, header_.cluster_size());
    co_return made;
  }
  end_ = std::max(end_, cluster + 1);
  dirty_entries_.push_back(block);
  co_return {};
}

// Raises `count` clusters that are free (count 0) to 1.
Task<> Refcounts::add_reference(uint64_t cluster, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    Result<SliceRef> slice = co_await slice_of(cluster + i);
    if (!slice) {
      // What was raised leaks in memory and on disk: harmless, and found by check.
      co_return std::unexpected(std::move(slice).error());
    }
    const uint64_t in_slice = (cluster + i) % per_slice_;
    const uint64_t run = std::min(count - i, per_slice_ - in_slice);
    std::byte* counts = slice->modify();
    for (uint64_t k = 0; k < run; ++k) {
      store_refcount(counts, in_slice + k, header_.refcount_order, 1);
    }
    free_.mark_used(cluster + i, run);
    i += run - 1;
  }
  co_return {};
}

Task<> Refcounts::add_references(uint64_t cluster, uint64_t count, uint64_t& raised) {
  for (raised = 0; raised < count;) {
    const uint64_t at = cluster + raised;
    if (!has_block(block_of(at))) {
      co_return fail(ErrorKind::corrupt, "cluster " + std::to_string(at) + " has no refcount",
                     EINVAL);
    }
    CO_TRY_ASSIGN(SliceRef slice, co_await slice_of(at));
    const uint64_t index = at % per_slice_;
    const uint64_t run = std::min(count - raised, per_slice_ - index);
    std::byte* counts = slice.modify();
    const uint64_t done = raise_counts(counts, index, run, header_.refcount_order);
    raised += done;
    if (done == run) continue;
    if (load_refcount(counts, index + done, header_.refcount_order) == 0) {
      co_return co_await gate_.refuse("Preventing a snapshot of a cluster that is counted as free",
                                      (cluster + raised) << header_.cluster_bits,
                                      header_.cluster_size());
    }
    co_return fail(ErrorKind::unsupported,
                   "the refcounts of this image have no room for another reference", EINVAL);
  }
  co_return {};
}

// One reference more for a cluster that is in use. False where its count has no room.
Task<bool> Refcounts::share(uint64_t cluster) {
  if (!has_block(block_of(cluster))) co_return false;
  CO_TRY_ASSIGN(SliceRef slice, co_await slice_of(cluster));
  const uint64_t index = cluster % per_slice_;
  const uint64_t now = load_refcount(slice.data(), index, header_.refcount_order);
  if (now == 0 || now >= max_refcount(header_.refcount_order)) co_return false;
  store_refcount(slice.modify(), index, header_.refcount_order, now + 1);
  co_return true;
}

// The last cluster has somebody's bytes at its end, and is ours as long as its count is not 0:
// drop_references() takes it away then.
Task<uint64_t> Refcounts::allocate_bytes(uint64_t length) {
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  const uint64_t from = bytes_end_;
  const uint64_t room = align_up(from, header_.cluster_size()) - from;
  const uint64_t last = from >> header_.cluster_bits;
  if (length <= room) {
    CO_TRY_ASSIGN(const bool shared, co_await share(last));
    if (shared) {
      bytes_end_ = from + length;
      co_return from;
    }
  }
  CO_TRY_ASSIGN(uint64_t place, co_await allocate_locked(Writes::data, 1));
  if (length > room && room != 0 && place >> header_.cluster_bits == last + 1) {
    // A count that cannot be read keeps nobody from the new cluster.
    const Result<bool> shared = co_await share(last);
    if (shared.value_or(false)) place = from;
  }
  bytes_end_ = place + length;
  co_return place;
}

void Refcounts::release(Writes kind, uint64_t host_offset, uint64_t clusters) {
  const uint64_t cluster = host_offset >> header_.cluster_bits;
  if (!releases_.empty()) {
    Release& last = releases_.back();
    if (last.kind == kind && last.cluster + last.count == cluster) {
      last.count += clusters;
      return;
    }
  }
  releases_.push_back({kind, cluster, clusters});
}

void Refcounts::put_back(std::vector<Release> releases) {
  releases.insert(releases.end(), releases_.begin(), releases_.end());
  releases_ = std::move(releases);
}

Task<> Refcounts::drop_references(const Release& release, std::vector<Release>& freed) {
  const uint64_t end = release.cluster + release.count;
  const uint64_t offset = release.cluster << header_.cluster_bits;
  const uint64_t bytes = release.count << header_.cluster_bits;
  if (release.kind == Writes::data) {
    CO_TRY(co_await gate_.check_release(offset, bytes));
  } else if (release.kind != Writes::inactive_l2) {
    gate_.leave(release.kind, offset, bytes);
  }
  for (uint64_t at = release.cluster; at < end;) {
    const uint64_t stop = std::min(end, align_down(at, per_slice_) + per_slice_);
    if (has_block(block_of(at))) {  // else it was never counted: nothing to lower
      CO_TRY_ASSIGN(SliceRef slice, co_await slice_of(at));
      CO_TRY(co_await drop_in_slice(std::move(slice), release.kind, at, stop, freed));
    }
    at = stop;
  }
  co_return {};
}

// Of clusters that one slice counts.
Task<> Refcounts::drop_in_slice(SliceRef slice, Writes kind, uint64_t at, uint64_t stop,
                                std::vector<Release>& freed) {
  const bool table_of_snapshot = kind == Writes::inactive_l2;
  for (; at < stop; ++at) {
    const uint64_t index = at % per_slice_;
    if (!table_of_snapshot) {
      at += lower_shared_counts(slice.modify(), index, stop - at, header_.refcount_order);
      if (at == stop) break;
    }
    const uint64_t now = load_refcount(slice.data(), at % per_slice_, header_.refcount_order);
    if (now == 0) continue;
    // Of several snapshots that share a table, the last takes its class along.
    if (table_of_snapshot) gate_.leave_snapshot(at << header_.cluster_bits, now - 1);
    if (now == 1) CO_TRY(co_await gate_.check_release(at << header_.cluster_bits, 1));
    store_refcount(slice.modify(), at % per_slice_, header_.refcount_order, now - 1);
    if (now != 1) continue;
    if (bytes_end_ != 0 && at == (bytes_end_ - 1) >> header_.cluster_bits) bytes_end_ = 0;
    if (!freed.empty() && freed.back().cluster + freed.back().count == at) {
      ++freed.back().count;
    } else {
      freed.push_back({Writes::data, at, 1});
    }
  }
  co_return {};
}

Task<> Refcounts::apply(const std::vector<Release>& releases) {
  if (releases.empty()) co_return {};
  CO_TRY_ASSIGN(auto guard, co_await allocating_.lock());
  std::vector<Release> freed;
  for (const Release& release : releases) {
    CO_TRY(co_await drop_references(release, freed));
  }
  for (const Release& run : freed) {
    const uint64_t offset = run.cluster << header_.cluster_bits;
    if (punch_freed_) {
      // Only a hint: the clusters are free whether or not the host took it. Allocation is
      // locked out until the hole is done, so it cannot erase what comes next.
      (void)co_await gate_.discard(offset, run.count << header_.cluster_bits);
    }
    free_.mark_free(run.cluster, run.count);
    cursor_ = std::min(cursor_, run.cluster);
  }
  co_return {};
}

Task<> Refcounts::write_entries() {
  std::vector<uint64_t> entries = std::exchange(dirty_entries_, {});
  for (size_t i = 0; i < entries.size(); ++i) {
    std::byte raw[8];
    store_be<uint64_t>(raw, table_[entries[i]]);
    const iovec from = io_slice(std::span<const std::byte>(raw));
    Result<void> written = co_await gate_.write(
        Writes::refcount_table, header_.refcount_table_offset + entries[i] * 8, IoSpan(&from, 1));
    if (!written) {
      dirty_entries_.insert(dirty_entries_.end(), entries.begin() + i, entries.end());
      co_return written;
    }
  }
  co_return {};
}

Task<> Refcounts::write_back() {
  CO_TRY(co_await cache_.write_back());
  if (dirty_entries_.empty()) co_return {};
  // The blocks before the entries that make them count.
  CO_TRY(co_await gate_.barrier());
  co_return co_await write_entries();
}

}  // namespace oxbow::format::qcow2
