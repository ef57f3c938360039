// Internal snapshots: taken, dropped, gone back to. Each begins with everything on disk and
// nobody else at work, and switches the header once, when what it points to is there
// (docs/crash-ordering.md). A crash before the switch leaks what was made, one after it what
// was to be dropped.
#include <algorithm>
#include <charconv>

#include "format/qcow2/copied_flags.h"
#include "format/qcow2/header_switch.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/snapshot_table.h"
#include "format/qcow2/tree_walk.h"

namespace oxbow::format::qcow2 {
namespace {

// One more reference for each run of a tree; or, of those that got one, one less again.
class ReferenceRaiser final : public TreeVisitor {
 public:
  explicit ReferenceRaiser(Refcounts& refcounts) : refcounts_(refcounts) {}

  Task<> visit_run(const TreeRun& run) override {
    uint64_t raised = 0;
    const Result<void> done = co_await refcounts_.add_references(run.cluster, run.count, raised);
    raised_ += raised;
    co_return done;
  }
  [[nodiscard]] uint64_t raised() const { return raised_; }

 private:
  Refcounts& refcounts_;
  uint64_t raised_ = 0;
};

class ReferenceDropper final : public TreeVisitor {
 public:
  ReferenceDropper(Refcounts& refcounts, Writes tables, uint32_t cluster_bits,
                   uint64_t most = UINT64_MAX)
      : refcounts_(refcounts), tables_(tables), cluster_bits_(cluster_bits), left_(most) {}

  Task<> visit_run(const TreeRun& run) override {
    const uint64_t count = std::min(run.count, left_);
    left_ -= count;
    if (count != 0) {
      refcounts_.release(run.tables ? tables_ : Writes::data, run.cluster << cluster_bits_, count);
    }
    co_return {};
  }

 private:
  Refcounts& refcounts_;
  Writes tables_;
  uint32_t cluster_bits_;
  uint64_t left_;
};

std::string next_id(std::span<const Snapshot> snapshots) {
  uint64_t largest = 0;
  for (const Snapshot& snapshot : snapshots) {
    uint64_t id = 0;
    std::from_chars(snapshot.id.data(), snapshot.id.data() + snapshot.id.size(), id);
    largest = std::max(largest, id);
  }
  return std::to_string(largest + 1);
}

std::vector<Snapshot>::const_iterator find_snapshot(const std::vector<Snapshot>& snapshots,
                                                    std::string_view wanted, SnapshotKey key) {
  const auto by_name = std::ranges::find(snapshots, wanted, &Snapshot::name);
  if (by_name != snapshots.end() || key == SnapshotKey::name) return by_name;
  return std::ranges::find(snapshots, wanted, &Snapshot::id);
}

std::unexpected<Error> no_such_snapshot(std::string_view wanted) {
  return fail(ErrorKind::not_found, "snapshot '" + std::string(wanted) + "' not found", ENOENT);
}

// Clusters of a data file are not counted, so nothing could share them with a snapshot.
Result<void> may_have_snapshots(const Header& header, const storage::Source& file) {
  if (!header.has_data_file()) return {};
  return fail(ErrorKind::invalid_argument,
              file.filename() + ": there are no snapshots of data in another file", ENOTSUP);
}

}  // namespace

// Nobody reads, writes or allocates, and the disk says what memory says.
Task<async::RangeLock::Guard> Qcow2Image::stand_still() {
  CO_TRY(writable());
  CO_TRY_ASSIGN(auto lock, co_await guest_locks_.lock(0, UINT64_MAX, true));
  CO_TRY(co_await settle());
  CO_TRY(co_await guard_.ensure_built());
  co_return std::move(lock);
}

Task<> Qcow2Image::settle() {
  CO_TRY(co_await write_metadata());
  CO_TRY(co_await refcounts_.write_back());
  CO_TRY(co_await data_.barrier());
  co_return co_await gate_.barrier();
}

Task<std::vector<uint64_t>> Qcow2Image::read_snapshot_l1(const Snapshot& snapshot) {
  if (snapshot.l1_size > max_l1_bytes / 8 ||
      !table_place_valid(header_, snapshot.l1_table_offset, uint64_t{snapshot.l1_size} * 8)) {
    co_return fail(ErrorKind::corrupt,
                   "the L1 table of snapshot '" + snapshot.name + "' lies at an invalid place",
                   EFBIG);
  }
  std::vector<uint64_t> l1(snapshot.l1_size);
  CO_TRY(co_await read_entries(gate_.file(), snapshot.l1_table_offset, l1));
  for (uint64_t& entry : l1) entry &= ~copied_flag;
  co_return l1;
}

// Clusters for a table, filled; linked nowhere yet. Gives the offset, 0 for an empty table.
Task<uint64_t> Qcow2Image::write_new_table(Writes kind, std::span<const std::byte> contents) {
  if (contents.empty()) co_return uint64_t{0};
  const uint64_t bytes = align_up(contents.size(), header_.cluster_size());
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate_zeroed(bytes));
  std::ranges::copy(contents, table.data());
  CO_TRY_ASSIGN(const uint64_t offset,
                co_await refcounts_.allocate(kind, bytes >> header_.cluster_bits));
  const iovec from = io_slice(table.span());
  const Result<void> written = co_await gate_.write(kind, offset, IoSpan(&from, 1));
  if (!written) {
    refcounts_.release(kind, offset, bytes >> header_.cluster_bits);
    co_return std::unexpected(written.error());
  }
  co_return offset;
}

Task<uint64_t> Qcow2Image::write_new_l1(Writes kind, std::span<const uint64_t> l1) {
  std::vector<std::byte> contents(l1.size() * 8);
  store_be_all(contents.data(), l1);
  co_return co_await write_new_table(kind, contents);
}

// All or nothing: where a count has no room, or the disk no more, those that got a reference lose
// it again.
Task<> Qcow2Image::raise_tree(std::span<const uint64_t> l1) {
  ReferenceRaiser raiser(refcounts_);
  Result<void> raised = co_await walk_tree(gate_.file(), header_, l1, raiser);
  if (raised) raised = co_await refcounts_.write_back();
  if (raised) raised = co_await gate_.barrier();
  if (raised) co_return {};
  ReferenceDropper dropper(refcounts_, Writes::inactive_l2, header_.cluster_bits, raiser.raised());
  CO_TRY(co_await walk_tree(gate_.file(), header_, l1, dropper));
  CO_TRY(co_await refcounts_.apply(refcounts_.take_releases()));
  co_return raised;
}

Task<> Qcow2Image::drop_tree(std::span<const uint64_t> l1, Writes tables) {
  ReferenceDropper dropper(refcounts_, tables, header_.cluster_bits);
  CO_TRY(co_await walk_tree(gate_.file(), header_, l1, dropper));
  co_return co_await settle();
}

Task<> Qcow2Image::switch_snapshot_table(std::span<const Snapshot> snapshots) {
  const std::vector<std::byte> table = encode_snapshots(snapshots);
  if (table.size() > max_snapshot_table_bytes) {
    co_return fail(ErrorKind::unsupported, "the snapshot table would be too large", EFBIG);
  }
  CO_TRY_ASSIGN(const uint64_t offset, co_await write_new_table(Writes::snapshot_table, table));
  uint64_t unused = header_.snapshots_offset;
  uint64_t unused_bytes = old_snapshot_table_bytes_;
  Result<void> switched = co_await refcounts_.write_back();
  if (switched) switched = co_await gate_.barrier();
  if (switched) {
    const auto count = static_cast<uint32_t>(snapshots.size());
    switched = co_await qcow2::switch_snapshot_table(gate_, header_, count, offset);
  }
  if (!switched) {
    unused = offset;
    unused_bytes = table.size();
  }
  if (unused_bytes != 0) {
    refcounts_.release(Writes::snapshot_table, unused,
                       div_round_up(unused_bytes, header_.cluster_size()));
  }
  co_return switched;
}

Task<std::vector<Snapshot>> Qcow2Image::load_snapshots() {
  if (header_.nb_snapshots == 0) {
    old_snapshot_table_bytes_ = 0;
    co_return std::vector<Snapshot>();
  }
  CO_TRY_ASSIGN(std::vector<Snapshot> snapshots, co_await read_snapshots(gate_.file(), header_));
  old_snapshot_table_bytes_ = snapshot_table_bytes(snapshots);
  co_return snapshots;
}

Task<> Qcow2Image::create_snapshot(Snapshot snapshot) {
  CO_TRY(may_have_snapshots(header_, gate_.file()));
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  CO_TRY_ASSIGN(std::vector<Snapshot> snapshots, co_await load_snapshots());
  if (snapshots.size() >= max_snapshots) {
    co_return fail(ErrorKind::unsupported, "the image has as many snapshots as it can", EFBIG);
  }
  std::vector<uint64_t> l1(map_.l1_entries().begin(), map_.l1_entries().end());
  for (uint64_t& entry : l1) entry &= ~copied_flag;
  snapshot.id = next_id(snapshots);
  snapshot.l1_size = static_cast<uint32_t>(l1.size());
  snapshot.disk_size = header_.size;
  snapshots.push_back(std::move(snapshot));
  // First the flags, then the counts: a count of 1 without the flag costs a copy at the next
  // write, the other way round a write in place would meet a count that forbids it.
  Result<void> taken = co_await map_.update_copied_flags(CopiedRule::none);
  if (taken) taken = co_await raise_tree(l1);
  if (taken) {
    taken = co_await link_snapshot(std::move(snapshots), l1);
    if (!taken) (void)co_await drop_tree(l1, Writes::inactive_l2);
  }
  if (!taken) {
    // The disk's alone again, when the counts on disk say so.
    const Result<void> settled = co_await settle();
    if (settled) (void)co_await mark_sole_owners(l1);
    co_return taken;
  }
  for (const uint64_t entry : l1) {
    if (entry != 0)
      gate_.share(Writes::inactive_l2, entry & l1_offset_mask, header_.cluster_size());
  }
  co_return co_await settle();
}

// The last of `snapshots` gets its L1 table, and the header names them all.
Task<> Qcow2Image::link_snapshot(std::vector<Snapshot> snapshots, std::span<const uint64_t> l1) {
  CO_TRY_ASSIGN(const uint64_t offset, co_await write_new_l1(Writes::inactive_l1, l1));
  snapshots.back().l1_table_offset = offset;
  const Result<void> linked = co_await switch_snapshot_table(snapshots);
  if (!linked && offset != 0) {
    refcounts_.release(Writes::inactive_l1, offset,
                       div_round_up(l1.size() * 8, header_.cluster_size()));
  }
  co_return linked;
}

// What `l1` leads to, and is the disk's alone, says so: not before the count on disk does.
Task<> Qcow2Image::mark_sole_owners(std::span<const uint64_t> l1) {
  CO_TRY(co_await map_.update_copied_flags(CopiedRule::sole_owners, may_share_with(l1)));
  co_return co_await gate_.barrier();
}

Task<> Qcow2Image::view_snapshot(std::string_view id) {
  if (options_.writable) {
    co_return fail(ErrorKind::invalid_argument,
                   "a snapshot can be looked at only in an image that is open for reading", EINVAL);
  }
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
  const auto found = std::ranges::find(snapshots, id, &Snapshot::id);
  if (found == snapshots.end()) co_return no_such_snapshot(id);
  CO_TRY_ASSIGN(std::vector<uint64_t> l1, co_await read_snapshot_l1(*found));
  header_.size = align_down(found->disk_size, 512);
  map_.show_tree(std::move(l1));
  unpacked_.clear();
  co_return {};
}

Task<> Qcow2Image::delete_snapshot(std::string_view wanted, SnapshotKey key) {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  CO_TRY_ASSIGN(std::vector<Snapshot> snapshots, co_await load_snapshots());
  const auto found = find_snapshot(snapshots, wanted, key);
  if (found == snapshots.end()) co_return no_such_snapshot(wanted);
  const Snapshot gone = *found;  // erased. NOLINT(performance-unnecessary-copy-initialization)
  CO_TRY_ASSIGN(const std::vector<uint64_t> l1, co_await read_snapshot_l1(gone));
  snapshots.erase(found);
  CO_TRY(co_await switch_snapshot_table(snapshots));
  if (!l1.empty()) {
    refcounts_.release(Writes::inactive_l1, gone.l1_table_offset,
                       div_round_up(l1.size() * 8, header_.cluster_size()));
  }
  CO_TRY(co_await drop_tree(l1, Writes::inactive_l2));
  co_return co_await mark_sole_owners(l1);
}

// L1 entries whose tables, or what those lead to, may be in `other`, too: at the same place, but
// for a VM state, which moves with the disk's size.
std::vector<bool> Qcow2Image::may_share_with(std::span<const uint64_t> other) const {
  std::vector<bool> out(map_.l1_entries().size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = (i < other.size() && other[i] != 0) || i >= disk_tables(header_.size);
  }
  return out;
}

Task<> Qcow2Image::apply_snapshot(std::string_view wanted, SnapshotKey key) {
  if (!bitmaps_.empty()) {
    co_return fail(ErrorKind::busy, "Device has active dirty bitmaps", ENOTSUP);
  }
  CO_TRY(may_have_snapshots(header_, gate_.file()));
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
  const auto found = find_snapshot(snapshots, wanted, key);
  if (found == snapshots.end()) co_return no_such_snapshot(wanted);
  CO_TRY_ASSIGN(std::vector<uint64_t> l1, co_await read_snapshot_l1(*found));
  const uint64_t per_table = header_.l2_entries() << header_.cluster_bits;
  if (div_round_up(found->disk_size, per_table) > max_l1_bytes / 8) {
    co_return fail(ErrorKind::corrupt,
                   "the disk size of snapshot '" + found->name + "' is too large", EFBIG);
  }
  // It never shrinks: what the table once had room for may be needed again.
  l1.resize(
      std::max<uint64_t>({l1.size(), header_.l1_size, div_round_up(found->disk_size, per_table)}));
  CO_TRY(co_await raise_tree(l1));
  const std::vector<uint64_t> old_l1(map_.l1_entries().begin(), map_.l1_entries().end());
  const Result<void> adopted = co_await adopt_tree(l1, found->disk_size);
  if (!adopted) {
    (void)co_await drop_tree(l1, Writes::inactive_l2);
    co_return adopted;
  }
  unpacked_.clear();
  CO_TRY(co_await drop_tree(old_l1, Writes::active_l2));
  // Tables that both trees have lost the class with the old one.
  for (const uint64_t entry : l1) {
    if (entry != 0) gate_.share(Writes::active_l2, entry & l1_offset_mask, header_.cluster_size());
  }
  co_return {};
}

// The header names a table with these entries, whose trees are counted.
Task<> Qcow2Image::adopt_tree(const std::vector<uint64_t>& l1, uint64_t disk_size) {
  CO_TRY_ASSIGN(const uint64_t offset, co_await write_new_l1(Writes::active_l1, l1));
  Result<void> adopted = co_await refcounts_.write_back();
  if (adopted) adopted = co_await gate_.barrier();
  if (adopted) adopted = co_await map_.adopt_l1(offset, l1, disk_size);
  if (!adopted && offset != 0) {
    refcounts_.release(Writes::active_l1, offset,
                       div_round_up(l1.size() * 8, header_.cluster_size()));
  }
  co_return adopted;
}

}  // namespace oxbow::format::qcow2
