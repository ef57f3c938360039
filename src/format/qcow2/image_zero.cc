// Zeroes and discards by metadata alone.
#include <algorithm>

#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

// The entry that reads as zeroes in place of `entry`. A plain cluster stays with it unless
// it may be unmapped; a compressed one always goes.
L2Entry Qcow2Image::zeroed(const L2Entry& entry, bool may_unmap) const {
  const bool keeps = !may_unmap && has_cluster(entry);
  L2Entry out;
  out.raw = keeps ? entry.raw & (l2_offset_mask | copied_flag) : 0;
  if (header_.extended_l2()) {
    out.bitmap = uint64_t{0xffffffff} << 32;
  } else {
    out.raw |= l2_zero_flag;
  }
  return out;
}

void Qcow2Image::zero_whole_entry(const EntryView& view, uint32_t index, bool may_unmap) {
  const L2Entry old = view.entry(index);
  const L2Entry now = zeroed(old, may_unmap);
  if (now.raw == old.raw && now.bitmap == old.bitmap) return;
  view.set(index, now);
  if (!has_cluster(now)) release_entry(old);
}

// Subclusters [from, to) of one entry; not of a compressed one.
void Qcow2Image::zero_part_of_entry(const EntryView& view, uint32_t index, uint64_t from,
                                    uint64_t to) {
  L2Entry entry = view.entry(index);
  const uint64_t first = from / unit_size_;
  const uint64_t mask = ((uint64_t{1} << (to / unit_size_ - first)) - 1) << first;
  entry.bitmap = (entry.bitmap & ~mask) | mask << 32;
  view.set(index, entry);
}

// Guest bytes up to `end`, which may lie past the disk's.
Task<> Qcow2Image::before_zeroes(uint64_t offset, uint64_t end, format::ZeroFlags flags) {
  const storage::ZeroFlags in_file{flags.may_unmap, flags.no_fallback, false};
  return data_.before_zeroes(offset, std::min(end, header_.size) - offset, in_file);
}

Task<uint64_t> Qcow2Image::zero_units(uint64_t offset, uint64_t length, format::ZeroFlags flags) {
  CO_TRY(writable());
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t cluster = cluster_of(offset);
  // The disk's last cluster may be shorter than the others.
  const uint64_t end = offset + length;
  const uint64_t last =
      end == header_.size ? align_up(end, cluster_size) : align_down(end, unit_size_);
  if (!is_aligned(offset, unit_size_) || last <= offset) co_return uint64_t{0};
  const uint64_t slice_end = (cluster + map_.entries_to_slice_end(cluster)) << header_.cluster_bits;
  const uint64_t stop = std::min(last, slice_end);
  const uint64_t lock_from = align_down(offset, cluster_size);
  async::RangeLock::Guard lock;
  if (!flags.range_held) {
    CO_TRY_ASSIGN(lock, co_await guest_locks_.lock(lock_from,
                                                   align_up(stop, cluster_size) - lock_from, true));
  }
  if (header_.version < 3) co_return co_await zero_without_flag(offset, stop);
  CO_TRY(co_await before_zeroes(offset, stop, flags));

  CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up_for_change(cluster));
  uint64_t at = offset;
  while (at < stop) {
    const auto index = static_cast<uint32_t>(cluster_of(at) - cluster);
    const uint64_t guest = align_down(at, cluster_size);
    const uint64_t to = std::min(stop, guest + cluster_size);
    if (at == guest && to == guest + cluster_size) {
      zero_whole_entry(view, index, flags.may_unmap);
    } else if (is_compressed(view.entry(index))) {
      break;
    } else {
      zero_part_of_entry(view, index, at - guest, to - guest);
    }
    at = to;
  }
  co_return std::min(at, end) - offset;
}

// Version 2 has no zero flag: holes are zeroes where nothing lies below. Clusters with data
// become holes.
Task<uint64_t> Qcow2Image::zero_without_flag(uint64_t offset, uint64_t stop) {
  if (options_.has_backing) co_return uint64_t{0};
  const uint64_t first = cluster_of(offset);
  const uint64_t covered = std::min(stop, header_.size) - offset;
  CO_TRY_ASSIGN(EntryView view, co_await map_.look_up(first));
  if (!view.exists()) co_return covered;
  CO_TRY_ASSIGN(view, co_await map_.look_up_for_change(first));
  for (uint32_t i = 0; i < div_round_up(covered, header_.cluster_size()); ++i) {
    const L2Entry old = view.entry(i);
    if (old.raw == 0) continue;
    view.set(i, {});
    release_entry(old);
  }
  co_return covered;
}

Task<> Qcow2Image::discard(uint64_t offset, uint64_t length) {
  CO_TRY(writable());
  // Without a zero flag a hole would show the backing file's old contents.
  if (header_.version < 3 && options_.has_backing) co_return {};
  const uint64_t end = offset + length;
  const uint64_t first = div_round_up(offset, header_.cluster_size());
  const uint64_t last =
      end == header_.size ? div_round_up(end, header_.cluster_size()) : cluster_of(end);
  for (uint64_t cluster = first; cluster < last;) {
    const uint64_t count = std::min(last - cluster, map_.entries_to_slice_end(cluster));
    CO_TRY(co_await discard_clusters(cluster, count));
    cluster += count;
  }
  co_return {};
}

// Within one slice.
Task<> Qcow2Image::discard_clusters(uint64_t first, uint64_t count) {
  CO_TRY_ASSIGN(auto lock, co_await guest_locks_.lock(first << header_.cluster_bits,
                                                      count << header_.cluster_bits, true));
  CO_TRY_ASSIGN(EntryView view, co_await map_.look_up(first));
  if (!view.exists() && !options_.has_backing) co_return {};
  CO_TRY(co_await before_zeroes(first << header_.cluster_bits,
                                (first + count) << header_.cluster_bits, {.may_unmap = true}));
  CO_TRY_ASSIGN(view, co_await map_.look_up_for_change(first));
  for (uint32_t i = 0; i < count; ++i) {
    const L2Entry old = view.entry(i);
    const bool has_data = is_compressed(old) || has_cluster(old);
    if (!has_data && !options_.has_backing) continue;
    if (header_.version >= 3) {
      zero_whole_entry(view, i, true);
    } else {
      view.set(i, {});
      release_entry(old);
    }
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
