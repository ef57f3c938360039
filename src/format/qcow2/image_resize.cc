// Growing and shrinking the disk. The header's size says nothing that is not yet true:
// it changes after the tables can hold the new size, and after the tail is gone.
#include <algorithm>

#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
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
  if (!is_aligned(virtual_size, 512)) {
    co_return fail(ErrorKind::invalid_argument, "The new size must be a multiple of 512", EINVAL);
  }
  if (header_.nb_snapshots != 0 && header_.version < 3) {
    co_return fail(ErrorKind::unsupported, "Can't resize a v2 image which has snapshots", ENOTSUP);
  }
  if (virtual_size == header_.size) co_return {};
  if (virtual_size < header_.size && !allow_shrink) {
    co_return fail(ErrorKind::invalid_argument, "shrinking an image needs to be allowed", EINVAL);
  }
  if (virtual_size < header_.size && preallocation != storage::Preallocation::off) {
    co_return fail(ErrorKind::invalid_argument,
                   "Preallocation can't be used for shrinking an image", EINVAL);
  }
  CO_TRY(co_await bitmaps_.before_resize(virtual_size));
  Task<> change =
      virtual_size > header_.size ? grow(virtual_size, preallocation) : shrink(virtual_size);
  const Result<void> resized = co_await std::move(change);
  // The size may have changed though what came after it failed.
  const Result<void> followed = co_await bitmaps_.after_resize();
  co_return resized ? followed : resized;
}

Task<> Qcow2Image::grow(uint64_t virtual_size, storage::Preallocation preallocation) {
  const uint64_t entries = disk_tables(virtual_size);
  if (entries > max_l1_bytes / 8) {
    co_return fail(ErrorKind::invalid_argument, "The image size is too large", EFBIG);
  }
  const uint64_t old_size = header_.size;
  if (entries != disk_tables(old_size) && has_vm_state()) {
    CO_TRY(co_await move_vm_state(virtual_size));
  } else {
    if (entries > header_.l1_size) CO_TRY(co_await map_.grow_l1(entries));
    CO_TRY(co_await write_size(virtual_size));
  }
  if (preallocation == storage::Preallocation::off) co_return {};
  co_return co_await preallocate(align_up(old_size, header_.cluster_size()), virtual_size,
                                 preallocation);
}

// Clusters for [from, to), linked; they read as zeroes.
Task<> Qcow2Image::preallocate(uint64_t from, uint64_t to, storage::Preallocation preallocation) {
  while (from < to) {
    CO_TRY_ASSIGN(WritePlan plan, co_await prepare_write(from, to - from));
    const uint64_t length = align_up(plan.length, header_.cluster_size());
    storage::ZeroFlags flags;
    Result<void> filled;
    const bool fresh = plan.host_offset >= gate_.file().size();
    if (fresh && preallocation != storage::Preallocation::metadata) {
      filled = co_await gate_.truncate(plan.host_offset + length, preallocation);
    } else if (!fresh) {
      filled = co_await gate_.write_zeroes(Writes::data, plan.host_offset, length, flags);
    }
    if (!filled) {
      CO_TRY(co_await abort_write(plan));
      co_return filled;
    }
    CO_TRY(co_await commit_write(plan));
    if (encryption_ && header_.version >= 3) CO_TRY(co_await mark_zero(from, plan.length));
    from += plan.length;
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
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t first = div_round_up(virtual_size, cluster_size);
  const uint64_t end = div_round_up(header_.size, cluster_size);
  for (uint64_t cluster = first; cluster < end;) {
    const uint64_t count = std::min(end - cluster, map_.entries_to_slice_end(cluster));
    CO_TRY(co_await clear_clusters(cluster, count));
    cluster += count;
  }
  CO_TRY(co_await map_.drop_tables(first, disk_tables(header_.size)));
  CO_TRY(co_await write_metadata());
  if (disk_tables(virtual_size) != disk_tables(header_.size) && has_vm_state()) {
    co_return co_await move_vm_state(virtual_size);
  }
  co_return co_await write_size(virtual_size);
}

// Entries of one slice become unallocated, whatever lies below: they are past the end.
Task<> Qcow2Image::clear_clusters(uint64_t first, uint64_t count) {
  CO_TRY_ASSIGN(auto lock, co_await guest_locks_.lock(first << header_.cluster_bits,
                                                      count << header_.cluster_bits, true));
  CO_TRY_ASSIGN(EntryView view, co_await map_.look_up(first));
  if (!view.exists()) co_return {};
  CO_TRY_ASSIGN(view, co_await map_.look_up_for_change(first));
  for (uint32_t i = 0; i < count; ++i) {
    const L2Entry old = view.entry(i);
    if (old.raw == 0 && old.bitmap == 0) continue;
    view.set(i, {});
    release_entry(old);
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
