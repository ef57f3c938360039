// Writing: a place for the data first, the link to it last.
#include <algorithm>
#include <bit>

#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
// Bytes from `offset` on that can be overwritten where they are, in one host run.
uint64_t Qcow2Image::in_place_length(const EntryView& view, uint64_t offset, uint64_t length,
                                     uint64_t& host_offset) const {
  if (!view.exists()) return 0;
  const bool extended = header_.extended_l2();
  const uint32_t units = header_.cluster_size() / unit_size_;
  uint32_t unit = static_cast<uint32_t>(offset % header_.cluster_size() / unit_size_);
  const uint64_t within = offset % unit_size_;
  Unit start;
  uint64_t covered = 0;
  for (uint32_t i = 0; i < view.count() && covered < length; ++i, unit = 0) {
    const L2Entry entry = view.entry(i);
    if (!is_ours(entry) || !check_entry(entry, cluster_of(offset) + i)) break;
    for (; unit < units && covered < length; ++unit) {
      const Unit here = unit_of(entry, unit, unit_size_, extended);
      if (here.kind != RunKind::data) return std::min(covered, length);
      if (covered == 0) {
        start = here;
        host_offset = start.host + within;
        covered = unit_size_ - within;
      } else if (continues(start, here, covered + within)) {
        covered += unit_size_;
      } else {
        return std::min(covered, length);
      }
    }
  }
  return std::min(covered, length);
}

// Encrypted sectors are written whole: what the first and the last one hold besides comes along.
bool Qcow2Image::writes_part_of_sector(uint64_t offset, uint64_t length) const {
  if (!encryption_) return false;
  return !is_aligned(offset, codec::sector_bytes) || !is_aligned(length, codec::sector_bytes);
}

Task<WritePlan> Qcow2Image::prepare_write(uint64_t offset, uint64_t length) {
  CO_TRY(writable());
  const uint64_t cluster = cluster_of(offset);
  const uint64_t slice_end = (cluster + map_.entries_to_slice_end(cluster)) << header_.cluster_bits;
  length = std::min(length, slice_end - offset);
  const uint64_t lock_from = align_down(offset, header_.cluster_size());
  const uint64_t lock_length = align_up(offset + length, header_.cluster_size()) - lock_from;

  WritePlan plan;
  plan.guest_offset = offset;
  if (!writes_part_of_sector(offset, length)) {
    CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(lock_from, lock_length, false));
    std::optional<EntryView> view = map_.find(cluster);
    if (!view) {
      Result<EntryView> loaded = co_await map_.look_up(cluster);
      if (!loaded) {
        CO_TRY(co_await tell_damage(loaded.error()));
        co_return std::unexpected(std::move(loaded).error());
      }
      view = std::move(*loaded);
    }
    plan.length = in_place_length(*view, offset, length, plan.host_offset);
    if (plan.length != 0) {
      plan.in_flight = data_.hold(plan.host_offset, plan.length);
      co_return plan;
    }
    plan.lock = {};
  }
  CO_TRY_ASSIGN(auto lock, co_await guest_locks_.lock(lock_from, lock_length, true));
  Result<WritePlan> allocated = co_await plan_allocation(offset, length);
  if (!allocated) {
    CO_TRY(co_await tell_damage(allocated.error()));
    co_return allocated;
  }
  allocated->lock = std::move(lock);
  allocated->in_flight = data_.hold(allocated->host_offset - allocated->head,
                                    allocated->head + allocated->length + allocated->tail);
  co_return allocated;
}

// The stock tools tell a writer of some damage in other words than a reader.
std::string Qcow2Image::damage_met_by_write(const L2Entry& entry, uint64_t cluster,
                                            const Error& met_by_read) const {
  const uint64_t host = host_cluster(entry);
  if (is_aligned(host, header_.cluster_size())) {
    if (!header_.extended_l2()) return met_by_read.message();
    return "Invalid cluster entry found (" + map_.name_entry(cluster) + ")";
  }
  const bool zeroes = kind_of(entry, !header_.extended_l2()) == L2Kind::zero_allocated;
  return (zeroes ? "Preallocated zero cluster offset " : "Data cluster offset ") + hex(host) +
         " unaligned (guest offset: " + hex_or_zero(cluster << header_.cluster_bits) + ")";
}

// With the guest range held exclusively.
Task<WritePlan> Qcow2Image::plan_allocation(uint64_t offset, uint64_t length) {
  const uint64_t cluster = cluster_of(offset);
  CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up_for_change(cluster));
  if (const Result<void> sound = check_entry(view.entry(0), cluster); !sound) {
    CO_TRY(co_await gate_.refuse(damage_met_by_write(view.entry(0), cluster, sound.error()), 0, 0));
  }
  WritePlan plan;
  plan.guest_offset = offset;
  // Somebody may have allocated while we waited for the range.
  plan.length = in_place_length(view, offset, length, plan.host_offset);
  if (plan.length != 0 && encryption_) {
    const uint64_t end = offset + plan.length;
    plan.head = offset % codec::sector_bytes;
    plan.tail = align_up(end, codec::sector_bytes) - end;
  }
  if (plan.length != 0) co_return plan;
  co_return co_await allocate_clusters(view, offset, length);
}

// A host cluster of our own that holds no data yet: preallocated zeroes, or an extended
// entry whose wanted subclusters are unallocated.
bool Qcow2Image::reuses_cluster(const L2Entry& entry) const { return is_ours(entry); }

Task<WritePlan> Qcow2Image::allocate_clusters(const EntryView& view, uint64_t offset,
                                              uint64_t length) {
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t within = offset % cluster_size;
  const auto wanted = static_cast<uint32_t>(
      std::min<uint64_t>(div_round_up(within + length, cluster_size), view.count()));
  const L2Entry first = view.entry(0);
  const bool reuse = reuses_cluster(first);
  uint32_t count = 1;
  for (; count < wanted; ++count) {
    const L2Entry entry = view.entry(count);
    if (reuses_cluster(entry) != reuse || !check_entry(entry, cluster_of(offset) + count)) break;
    if (!reuse) continue;
    if (host_cluster(entry) != host_cluster(first) + count * cluster_size) break;
    // Data that is in place already needs no new link.
    if (unit_of(entry, 0, unit_size_, header_.extended_l2()).kind == RunKind::data) break;
  }
  uint64_t host = host_cluster(first);
  if (!reuse) {
    gate_.file().event("cluster_alloc");
    CO_TRY_ASSIGN(host, co_await data_.allocate(cluster_of(offset), count));
  }
  WritePlan plan;
  plan.in_place = false;
  plan.guest_offset = offset;
  plan.host_offset = host + within;
  plan.length = std::min(length, count * cluster_size - within);
  const bool around_zeroes = set_copy_on_write(plan, view, count);
  // Beyond the end of the file there is nothing but zeroes, also after a power cut.
  plan.surroundings_zero = around_zeroes && !data_.elsewhere() && !reuse &&
                           plan.host_offset - within >= data_.file().size();
  if (around_zeroes && data_.elsewhere()) {
    CO_TRY_ASSIGN(plan.surroundings_zero,
                  co_await data_.zero_beforehand(plan.host_offset - plan.head,
                                                 plan.head + plan.length + plan.tail));
  }
  co_return plan;
}

// How much around the data belongs to the units that become allocated by it; whether all of that
// reads as zeroes.
bool Qcow2Image::set_copy_on_write(WritePlan& plan, const EntryView& view, uint32_t count) const {
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t units = cluster_size / unit_size_;
  // The units with data of a cluster that moves: they go along, as does what lies between.
  const auto moving = [&](const L2Entry& entry) -> uint32_t {
    if (entry.raw == 0 || reuses_cluster(entry)) return 0;
    const uint32_t all = units == 32 ? ~uint32_t{0} : (uint32_t{1} << units) - 1;
    if (is_compressed(entry)) return all;
    if (!has_cluster(entry)) return 0;
    return header_.extended_l2() ? static_cast<uint32_t>(entry.bitmap) : all;
  };
  const L2Entry first = view.entry(0);
  const L2Entry last = view.entry(count - 1);
  const uint64_t end = plan.guest_offset + plan.length;
  const uint64_t from = plan.guest_offset % cluster_size;
  const uint64_t to = end - align_down(end - 1, cluster_size);
  const uint32_t before = moving(first);
  const uint32_t after = moving(last);
  const uint64_t start = before != 0 ? std::countr_zero(before) * unit_size_ : cluster_size;
  const uint64_t stop = after != 0 ? (32 - std::countl_zero(after)) * unit_size_ : 0;
  plan.head = from - std::min(align_down(from, unit_size_), start);
  plan.tail = std::max(align_up(to, unit_size_), stop) - to;

  // To the guest; not where what is stored is decrypted.
  const auto reads_zero = [&](const L2Entry& entry, uint64_t begin, uint64_t stop_at) {
    for (uint64_t unit = begin / unit_size_; unit * unit_size_ < stop_at; ++unit) {
      const RunKind kind =
          unit_of(entry, static_cast<uint32_t>(unit), unit_size_, header_.extended_l2()).kind;
      if (kind != RunKind::zero && (kind != RunKind::hole || options_.has_backing)) return false;
    }
    return true;
  };
  return !encryption_ && plan.head + plan.tail != 0 &&
         (plan.head == 0 || reads_zero(first, from - plan.head, from)) &&
         (plan.tail == 0 || reads_zero(last, to, to + plan.tail));
}

// Bytes [from, to) of entry `index` are now stored in its host cluster.
void Qcow2Image::link_units(const EntryView& view, uint32_t index, uint64_t host, uint64_t from,
                            uint64_t to) {
  if (!header_.extended_l2()) {
    view.set(index, {host | copied_flag, 0});
    return;
  }
  const uint64_t first = from / unit_size_;
  const uint64_t count = div_round_up(to, unit_size_) - first;
  const uint64_t mask = (count == 32 ? 0xffffffffu : ((uint64_t{1} << count) - 1)) << first;
  const L2Entry old = view.entry(index);
  const uint64_t kept = is_compressed(old) ? 0 : old.bitmap;
  view.set(index, {host | copied_flag, (kept & ~(mask << 32)) | mask});
}

// The entry was replaced in memory: its clusters lose one reference each, after the
// replacement is on disk.
void Qcow2Image::release_entry(const L2Entry& entry) {
  if (is_compressed(entry)) {
    const CompressedPlace place = compressed_place(entry, header_.cluster_bits);
    const uint64_t begin = align_down(place.offset, header_.cluster_size());
    const uint64_t end = align_up(place.offset + place.length, header_.cluster_size());
    refcounts_.release(Writes::data, begin, (end - begin) >> header_.cluster_bits);
    return;
  }
  if (has_cluster(entry)) data_.release(host_cluster(entry), 1);
}

void Qcow2Image::let_go(WritePlan& plan) {
  data_.ended(plan.in_flight);
  plan.lock = {};
}

Task<> Qcow2Image::commit_write(WritePlan& plan) {
  if (plan.packed != 0) co_return co_await commit_compressed(plan);
  if (plan.in_place) {
    let_go(plan);
    co_return {};
  }
  gate_.file().event("l2_update");
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t begin = plan.guest_offset - plan.head;
  const uint64_t end = plan.guest_offset + plan.length + plan.tail;
  const uint64_t first = cluster_of(begin);
  const uint64_t host = plan.host_offset - plan.guest_offset % cluster_size;
  Result<EntryView> view = co_await map_.look_up(first);
  if (!view) {
    CO_TRY(co_await abort_write(plan));
    co_return std::unexpected(view.error());
  }
  for (uint64_t cluster = first; cluster << header_.cluster_bits < end; ++cluster) {
    const auto index = static_cast<uint32_t>(cluster - first);
    const uint64_t guest = cluster << header_.cluster_bits;
    const uint64_t place = host + index * cluster_size;
    const L2Entry old = view->entry(index);
    link_units(*view, index, place, std::max(begin, guest) - guest,
               std::min(end, guest + cluster_size) - guest);
    if (host_cluster(old) != place) release_entry(old);
  }
  let_go(plan);
  co_return {};
}

Task<> Qcow2Image::abort_write(WritePlan& plan) {
  if (plan.packed != 0) co_return co_await abort_compressed(plan);
  if (plan.in_place) {
    let_go(plan);
    co_return {};
  }
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t host = plan.host_offset - plan.guest_offset % cluster_size;
  const uint64_t end = plan.guest_offset + plan.length;
  const uint64_t first = cluster_of(plan.guest_offset);
  const uint64_t count = div_round_up(end, cluster_size) - first;
  // Clusters that were ours before stay linked; new ones were never linked anywhere, and are
  // free again at once.
  const Result<EntryView> view = co_await map_.look_up(first);
  const bool unused = view && host_cluster(view->entry(0)) != host;
  let_go(plan);
  if (!unused) co_return {};
  co_return co_await data_.take_back(host, count);
}

}  // namespace oxbow::format::qcow2
