// The file of an open image made as short as what it holds. See compact.h for
// what moves.
#include <algorithm>
#include <cstring>

#include "format/qcow2/compact.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr int most_rounds = 4;
// Releases kept in memory before they are made, at most.
constexpr uint64_t zeroed_at_once = 1 << 16;

bool all_zero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// Preallocated clusters that nobody has filled need not be read.
Task<bool> is_hole(storage::Source& file, uint64_t offset, uint64_t length) {
  if (offset >= file.size()) co_return true;
  const uint64_t inside = std::min(length, file.size() - offset);
  CO_TRY_ASSIGN(const storage::Status there, co_await file.status(offset, inside));
  co_return there.zero && !there.data && there.length >= inside;
}

}  // namespace

Result<void> Qcow2Image::may_compact(bool dry_run) const {
  if (!dry_run) TRY(writable());
  if (header_.has_data_file()) {
    return fail(ErrorKind::unsupported, gate_.file().filename() + ": its data lies in another file",
                ENOTSUP);
  }
  if (header_.crypt_method != crypt_none) {
    return fail(ErrorKind::unsupported,
                gate_.file().filename() + ": encrypted data cannot be moved as it is", ENOTSUP);
  }
  return {};
}

Task<CompactResult> Qcow2Image::compact(CompactOptions options) {
  CO_TRY(may_compact(options.dry_run));
  CompactResult result;
  const Compactor::Parts parts{gate_, header_, refcounts_, map_, guard_};
  if (options.dry_run) {
    if (options_.writable) CO_TRY(co_await settle());
    if (!options_.writable) CO_TRY(co_await refcounts_.load());
    CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
    Compactor compactor(parts, snapshots, options, result);
    CO_TRY(co_await compactor.plan());
    co_return result;
  }
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  if (guard_.enabled() && !guard_.complete()) {
    co_return fail(ErrorKind::unsupported,
                   "the overlap guard has too little memory for all of the image", ENOTSUP);
  }
  result.size_before = gate_.file().size();
  if (options.detect_zeroes) {
    CO_TRY_ASSIGN(result.zeroed, co_await give_up_zeroes());
  }
  unpacked_.clear();
  // Tables are copied before their old places are free, and may find room the second time.
  for (int round = 0; round < most_rounds; ++round) {
    const uint64_t before = gate_.file().size();
    CompactResult once;
    CO_TRY(co_await compact_once(options, once));
    result.moved += once.moved;
    result.leaked += once.leaked;
    result.unmoved = once.unmoved;
    result.size_after = once.size_after;
    if (once.unmoved == 0 || (round != 0 && once.size_after >= before)) break;
  }
  co_return result;
}

Task<> Qcow2Image::compact_once(const CompactOptions& options, CompactResult& result) {
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
  Compactor compactor({gate_, header_, refcounts_, map_, guard_}, snapshots, options, result);
  CO_TRY(co_await compactor.plan());
  CO_TRY(co_await compactor.move());
  const uint64_t end = compactor.end_aimed_at();
  CO_TRY(co_await move_l1_down(end));
  CO_TRY(co_await move_snapshots_down(snapshots, end));
  CO_TRY(co_await bitmaps_.move_down(end));
  co_return co_await compactor.finish();
}

// Gives the new place; 0 where the old one ends before `end`, or there is none that is lower.
Task<uint64_t> Qcow2Image::write_l1_below(Writes kind, std::span<const uint64_t> l1, uint64_t old,
                                          uint64_t end) {
  if (l1.empty() || old + l1.size() * 8 <= end) co_return uint64_t{0};
  refcounts_.search_from_start();
  CO_TRY_ASSIGN(const uint64_t offset, co_await write_new_l1(kind, l1));
  if (offset < old) co_return offset;
  std::vector<Release> unused{
      {kind, offset >> header_.cluster_bits, div_round_up(l1.size() * 8, header_.cluster_size())}};
  CO_TRY(co_await refcounts_.apply(unused));
  co_return uint64_t{0};
}

Task<> Qcow2Image::move_l1_down(uint64_t end) {
  std::vector<uint64_t> l1(map_.l1_entries().begin(), map_.l1_entries().end());
  CO_TRY_ASSIGN(const uint64_t offset,
                co_await write_l1_below(Writes::active_l1, l1, header_.l1_table_offset, end));
  if (offset == 0) co_return {};
  CO_TRY(co_await refcounts_.write_back());
  CO_TRY(co_await gate_.barrier());
  CO_TRY(co_await map_.adopt_l1(offset, std::move(l1), header_.size));
  co_return co_await settle();
}

// Their L1 tables, all at once by a new snapshot table, and that itself.
Task<> Qcow2Image::move_snapshots_down(std::vector<Snapshot> snapshots, uint64_t end) {
  if (snapshots.empty()) co_return {};
  const std::vector<Snapshot> old = snapshots;
  bool moved = header_.snapshots_offset + old_snapshot_table_bytes_ > end;
  for (Snapshot& snapshot : snapshots) {
    CO_TRY_ASSIGN(const std::vector<uint64_t> l1, co_await read_snapshot_l1(snapshot));
    CO_TRY_ASSIGN(const uint64_t offset,
                  co_await write_l1_below(Writes::inactive_l1, l1, snapshot.l1_table_offset, end));
    if (offset == 0) continue;
    snapshot.l1_table_offset = offset;
    moved = true;
  }
  if (!moved) co_return {};
  refcounts_.search_from_start();
  CO_TRY(co_await switch_snapshot_table(snapshots));
  for (size_t i = 0; i < snapshots.size(); ++i) {
    if (snapshots[i].l1_table_offset == old[i].l1_table_offset) continue;
    refcounts_.release(Writes::inactive_l1, old[i].l1_table_offset,
                       div_round_up(uint64_t{old[i].l1_size} * 8, header_.cluster_size()));
  }
  co_return co_await settle();
}

// Clusters that are the disk's alone and hold nothing but zeroes. Gives their
// bytes.
Task<uint64_t> Qcow2Image::give_up_zeroes() {
  if (header_.version < 3 && options_.has_backing) co_return uint64_t{0};
  const uint64_t end = uint64_t{header_.l1_size} * header_.l2_entries();
  uint64_t zeroed = 0;
  uint64_t pending = 0;
  for (uint64_t cluster = 0; cluster < end;) {
    CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up(cluster));
    if (!view.exists() || !map_.owns_table_of(cluster)) {
      cluster += view.exists() ? view.count() : map_.clusters_without_table(cluster);
      continue;
    }
    for (uint32_t i = 0; i < view.count(); ++i) {
      CO_TRY_ASSIGN(const bool zero, co_await holds_only_zeroes(view.entry(i)));
      if (!zero) continue;
      const L2Entry old = view.entry(i);
      view.set(i, header_.version < 3 ? L2Entry{} : this->zeroed(old, true));
      release_entry(old);
      ++zeroed;
      ++pending;
    }
    cluster += view.count();
    if (pending >= zeroed_at_once) {
      pending = 0;
      CO_TRY(co_await settle());
    }
  }
  CO_TRY(co_await settle());
  co_return zeroed << header_.cluster_bits;
}

// Of a cluster that may be written in place: all that the guest can read of it.
Task<bool> Qcow2Image::holds_only_zeroes(L2Entry entry) {
  if (!is_ours(entry)) co_return false;
  if (header_.extended_l2()) {
    const uint32_t known = entry.allocated_subclusters() | entry.zero_subclusters();
    if (known != UINT32_MAX && options_.has_backing) co_return false;
  } else if ((entry.raw & l2_zero_flag) != 0) {
    co_return true;
  }
  CO_TRY_ASSIGN(const bool hole,
                co_await is_hole(gate_.file(), host_cluster(entry), header_.cluster_size()));
  if (hole) co_return true;
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(header_.cluster_size()));
  const iovec all = io_slice(bytes.span());
  CO_TRY(co_await gate_.read(host_cluster(entry), IoSpan(&all, 1)));
  for (uint32_t unit = 0; unit < header_.cluster_size() / unit_size_; ++unit) {
    if (unit_of(entry, unit, unit_size_, header_.extended_l2()).kind != RunKind::data) continue;
    if (!all_zero(bytes.span().subspan(uint64_t{unit} * unit_size_, unit_size_))) co_return false;
  }
  co_return true;
}

}  // namespace oxbow::format::qcow2
