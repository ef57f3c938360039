// Growing and shrinking the disk. The header's size says nothing that is not yet true: it changes
// after the tables can hold the new size and say what the new bytes read as, and after the tail
// is gone.
#include <algorithm>
#include <utility>

#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/resize_rules.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

Task<> Qcow2Image::write_size(uint64_t virtual_size) {
  CO_TRY(co_await gate_.write_header_field(header_offset_size, virtual_size));
  header_.size = virtual_size;
  co_return {};
}

Task<> Qcow2Image::resize(uint64_t virtual_size, storage::Preallocation preallocation,
                          bool allow_shrink) {
  CO_TRY(writable());
  CO_TRY(check_new_size(header_, header_.version, virtual_size));
  if (virtual_size == header_.size) co_return {};
  if (virtual_size < header_.size && !allow_shrink) {
    co_return fail(ErrorKind::invalid_argument, "shrinking an image needs to be allowed", EINVAL);
  }
  if (virtual_size < header_.size && preallocation != storage::Preallocation::off) {
    co_return fail(ErrorKind::invalid_argument,
                   "Preallocation can't be used for shrinking an image", EINVAL);
  }
  CO_TRY(vm_state_may_follow(virtual_size));
  CO_TRY(co_await bitmaps_.before_resize(virtual_size));
  const bool grows = virtual_size > header_.size;
  Task<> change = grows ? grow(virtual_size, preallocation) : shrink(virtual_size);
  const Result<void> resized = co_await std::move(change);
  if (resized && grows) co_return {};  // the rest is commit_resize()'s
  // The size may have changed though what came after it failed.
  const Result<void> followed = co_await bitmaps_.after_resize();
  co_return resized ? followed : resized;
}

// In memory the disk has its new size from here on, on disk with commit_resize().
Task<> Qcow2Image::grow(uint64_t virtual_size, storage::Preallocation preallocation) {
  const uint64_t entries = disk_tables(virtual_size);
  const uint64_t old_size = header_.size;
  if (entries != disk_tables(old_size) && has_vm_state()) {
    // The size on disk changes with the place of the VM state: there is no way back.
    CO_TRY(co_await change_tables(virtual_size));
    grown_from_ = virtual_size;
  } else {
    if (entries > header_.l1_size) CO_TRY(co_await map_.grow_l1(entries));
    grown_from_ = std::exchange(header_.size, virtual_size);
  }
  data_file_end_ = data_.file().size();
  // What a raw data file holds is what the disk reads: every cluster is linked.
  const bool raw = (header_.autoclear_features & autoclear_raw_data_file) != 0;
  if (raw && preallocation == storage::Preallocation::off) {
    preallocation = storage::Preallocation::metadata;
  }
  Result<void> filled = co_await data_.grow_to(virtual_size, preallocation);
  if (filled && preallocation != storage::Preallocation::off) {
    filled = co_await preallocate(old_size, virtual_size, preallocation);
  }
  if (!filled) (void)co_await take_growth_back();
  co_return filled;
}

Task<> Qcow2Image::commit_resize() {
  if (!grown_from_) co_return {};
  Result<void> done = co_await write_metadata();
  if (done) done = co_await data_.barrier();
  if (done) done = co_await gate_.barrier();
  if (!done) {
    CO_TRY(co_await abort_resize());
    co_return done;
  }
  const uint64_t old_size = *std::exchange(grown_from_, std::nullopt);
  done = co_await write_size(header_.size);
  // The new size may be on disk all the same: what its bytes read as stays linked.
  if (!done) header_.size = old_size;
  const Result<void> followed = co_await bitmaps_.after_resize();
  co_return done ? followed : done;
}

Task<> Qcow2Image::abort_resize() {
  if (!grown_from_) co_return {};
  const Result<void> back = co_await take_growth_back();
  const Result<void> followed = co_await bitmaps_.after_resize();
  co_return back ? followed : back;
}

// What was linked past the old end goes; the size on disk never was another.
Task<> Qcow2Image::take_growth_back() {
  const uint64_t size = *std::exchange(grown_from_, std::nullopt);
  const uint64_t first = div_round_up(size, header_.cluster_size());
  const uint64_t end = div_round_up(std::exchange(header_.size, size), header_.cluster_size());
  const Result<void> cleared = co_await clear_range(first, end, Cleared::unallocated);
  CO_TRY(co_await data_.shrink_to(data_file_end_));
  co_return cleared;
}

// Clusters for [from, to), linked; they read as zeroes. A last cluster of the old disk that has
// something in it stays as it is.
Task<> Qcow2Image::preallocate(uint64_t from, uint64_t to, storage::Preallocation preallocation) {
  const uint64_t cluster_size = header_.cluster_size();
  if (!is_aligned(from, cluster_size)) {
    CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up(cluster_of(from)));
    const bool empty = !view.exists() || (view.entry(0).raw == 0 && view.entry(0).bitmap == 0);
    const bool whole = empty && !options_.has_backing;
    from = whole ? align_down(from, cluster_size) : align_up(from, cluster_size);
  }
  to = align_up(to, cluster_size);
  while (from < to) {
    CO_TRY_ASSIGN(WritePlan plan, co_await prepare_write(from, to - from));
    const uint64_t begin = std::exchange(from, from + plan.length);
    const Result<void> provided = co_await provide_preallocated(plan, preallocation);
    if (!provided) {
      CO_TRY(co_await abort_write(plan));
      co_return provided;
    }
    CO_TRY(co_await link_preallocated(plan));
    if (encryption_ && header_.version >= 3) CO_TRY(co_await mark_zero(begin, from - begin));
  }
  co_return {};
}

// The host's side of it: zeroes, and space where that is asked for.
Task<> Qcow2Image::provide_preallocated(const WritePlan& plan,
                                        storage::Preallocation preallocation) {
  if (encryption_ && header_.version < 3) return encrypt_zeroes(plan);
  return data_.provide(plan.host_offset, plan.length, preallocation);
}

// Version 2 has no flag that says what a cluster reads as: these are zeroes to whoever has the key.
Task<> Qcow2Image::encrypt_zeroes(const WritePlan& plan) {
  const std::vector<std::byte> zeroes(std::min<uint64_t>(plan.length, 1 << 20));
  for (uint64_t done = 0; done < plan.length; done += zeroes.size()) {
    const uint64_t length = std::min<uint64_t>(zeroes.size(), plan.length - done);
    const iovec part{const_cast<std::byte*>(zeroes.data()), length};
    CO_TRY(
        co_await write_host({plan.host_offset + done, plan.guest_offset + done}, IoSpan(&part, 1)));
  }
  co_return {};
}

// Without a backing file, subclusters stay unallocated: they read as zeroes.
Task<> Qcow2Image::link_preallocated(WritePlan& plan) {
  const uint64_t first = cluster_of(plan.guest_offset);
  const uint64_t host = plan.host_offset;
  const uint64_t count = plan.length >> header_.cluster_bits;
  const bool whole = is_aligned(plan.guest_offset, header_.cluster_size());
  CO_TRY(co_await commit_write(plan));
  if (!whole || !header_.extended_l2() || options_.has_backing) co_return {};
  CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up_for_change(first));
  for (uint32_t i = 0; i < count; ++i) {
    view.set(i, {(host + (uint64_t{i} << header_.cluster_bits)) | copied_flag, 0});
  }
  co_return {};
}

// What the file holds there does not decrypt to zeroes; the flag says that it is to be read as
// such.
Task<> Qcow2Image::mark_zero(uint64_t from, uint64_t length) {
  for (const uint64_t end = from + length; from < end;) {
    CO_TRY_ASSIGN(const uint64_t done, co_await zero_units(from, end - from, {}));
    if (done == 0) co_return fail(ErrorKind::internal, "preallocated clusters are not whole");
    from += done;
  }
  co_return {};
}

Task<> Qcow2Image::shrink(uint64_t virtual_size) {
  const uint64_t first = div_round_up(virtual_size, header_.cluster_size());
  const uint64_t end = div_round_up(header_.size, header_.cluster_size());
  // As long as the size does not say that it is gone, what is cut reads as zeroes, and never as
  // what lies below.
  const bool uncovers = options_.has_backing && header_.version >= 3;
  CO_TRY(co_await clear_range(first, end, uncovers ? Cleared::zero : Cleared::unallocated));
  if (!uncovers) CO_TRY(co_await map_.drop_tables(first, disk_tables(header_.size)));
  CO_TRY(co_await write_metadata());
  // Nothing on disk refers to what a data file loses; and what it has lost stays lost should the
  // disk grow again.
  CO_TRY(co_await data_.shrink_to(virtual_size));
  CO_TRY(co_await data_.barrier());
  const bool tables_go = disk_tables(virtual_size) != disk_tables(header_.size);
  if (!tables_go || !(uncovers || has_vm_state())) {
    CO_TRY(co_await write_size(virtual_size));
  } else {
    CO_TRY(co_await change_tables(virtual_size));
  }
  if (!uncovers) co_return {};
  const uint64_t table_end = align_up(first, header_.l2_entries());
  co_return co_await clear_range(first, std::min(end, table_end), Cleared::unallocated);
}

Task<> Qcow2Image::clear_range(uint64_t first, uint64_t end, Cleared becomes) {
  while (first < end) {
    const uint64_t count = std::min(end - first, map_.entries_to_slice_end(first));
    CO_TRY(co_await clear_clusters(first, count, becomes));
    first += count;
  }
  co_return {};
}

// Entries of one slice that say anything lose it: they are past the end, or will be.
Task<> Qcow2Image::clear_clusters(uint64_t first, uint64_t count, Cleared becomes) {
  CO_TRY_ASSIGN(auto lock, co_await guest_locks_.lock(first << header_.cluster_bits,
                                                      count << header_.cluster_bits, true));
  CO_TRY_ASSIGN(EntryView view, co_await map_.look_up(first));
  if (!view.exists()) co_return {};
  CO_TRY_ASSIGN(view, co_await map_.look_up_for_change(first));
  for (uint32_t i = 0; i < count; ++i) {
    const L2Entry old = view.entry(i);
    if (old.raw == 0 && old.bitmap == 0) continue;
    if (becomes == Cleared::zero) {
      zero_whole_entry(view, i, true);
    } else {
      view.set(i, {});
      release_entry(old);
    }
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
