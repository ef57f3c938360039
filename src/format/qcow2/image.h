// An open qcow2 image: answers where guest bytes live, allocates for writes, and keeps
// what reaches the disk in an order that a crash at any point turns into leaks at worst
// (docs/crash-ordering.md). The parts it is made of know nothing of each other's order.
#pragma once

#include <oxbow/compact.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "async/sync.h"
#include "format/format.h"
#include "format/qcow2/amend.h"
#include "format/qcow2/bitmaps.h"
#include "format/qcow2/check_repair.h"
#include "format/qcow2/cluster_map.h"
#include "format/qcow2/encryption.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/guest_data.h"
#include "format/qcow2/header.h"
#include "format/qcow2/l2_tables.h"
#include "format/qcow2/overlap_guard.h"
#include "format/qcow2/refcounts.h"
#include "format/qcow2/snapshot_table.h"
#include "format/qcow2/unpacked_cache.h"

namespace oxbow::format::qcow2 {

struct Qcow2OpenOptions {
  bool writable = false;
  bool check_only = false;                   ///< open dirty and corrupt images as they are
  bool has_backing = false;                  ///< something lies below: holes are not zeroes
  uint64_t l2_cache_bytes = 0;               ///< 0: as much as covers the disk, at most 32 MiB
  uint32_t l2_slice_bytes = 0;               ///< 0: 4 KiB or the cluster size, whichever is less
  uint64_t refcount_cache_bytes = 0;         ///< 0: 256 KiB
  uint64_t unpacked_cache_bytes = 32 << 20;  ///< of compressed clusters; one is always kept
  std::optional<bool> lazy_refcounts;        ///< overrides the header's wish
  bool pass_discard = false;                 ///< freed clusters are punched out of the file
  GuardOptions guard;
  /// Told once of damage that was found while working; no newline.
  std::function<void(std::string_view)> warn;
  /// Told what the repair of an image that was not closed finds.
  FindingSink on_repair;
  /// The same as an event: the image is refused for writing from then on.
  std::function<void(const Corruption&)> on_corrupt;
  OverlapGuard::OnMemoryLimit on_memory_limit;
  BitmapOptions bitmaps;
  EncryptionOptions encryption;
  /// Asked for the external data file of an image that has one, with the name that the image
  /// states, if any. Absent, or nullptr from it: guest data will not be asked for.
  std::function<Task<std::unique_ptr<storage::Storage>>(std::optional<std::string> named)>
      open_data_file;
};

/// What names a snapshot: its name, or its id where no name fits.
enum class SnapshotKey { name, name_or_id };

/// Bitmaps of an image to which nobody writes as long as this is held.
class BitmapsAtRest {
 public:
  BitmapsAtRest(Bitmaps& bitmaps, async::Mutex::Guard quiet)
      : bitmaps_(&bitmaps), quiet_(std::move(quiet)) {}
  Bitmaps& operator*() const { return *bitmaps_; }
  Bitmaps* operator->() const { return bitmaps_; }

 private:
  Bitmaps* bitmaps_;
  async::Mutex::Guard quiet_;
};

class Qcow2Image final : public Format, private WriteBarrier, private TablesInMemory {
 public:
  /// `data_file`: the external one; nullptr where there is none, or it is not to be looked at.
  Qcow2Image(std::unique_ptr<storage::Storage> file, std::unique_ptr<storage::Storage> data_file,
             Header header, Qcow2OpenOptions options);

  /// Reads the tables, repairs refcounts of a dirty image, marks the image as in use.
  Task<> start();

  [[nodiscard]] const Header& header() const { return header_; }
  [[nodiscard]] std::string name() const override { return "qcow2"; }
  [[nodiscard]] Geometry geometry() const override;
  [[nodiscard]] bool read_only() const override { return !options_.writable; }
  [[nodiscard]] storage::Source& file() override { return gate_.file(); }
  /// An external data file is open.
  [[nodiscard]] bool has_data_file() const { return data_.elsewhere(); }
  [[nodiscard]] Result<uint64_t> allocated_bytes() override;
  [[nodiscard]] std::optional<BackingName> backing_name() const override {
    if (header_.backing_file.empty()) return std::nullopt;
    return BackingName{header_.backing_file, header_.backing_format};
  }
  void set_has_backing(bool has_backing) override { options_.has_backing = has_backing; }

  Task<Run> map(uint64_t offset, uint64_t length) override;
  Task<bool> data_may_be_holes() override;
  async::RangeLock* guest_locks() override { return &guest_locks_; }
  format::ChangeTracker* changes() override { return &bitmaps_; }
  Task<> read_host(Place at, IoSpan into) override;
  Task<> read_compressed(uint64_t offset, IoSpan into) override;

  Task<WritePlan> prepare_write(uint64_t offset, uint64_t length) override;
  Task<> write_host(Place at, IoSpan from) override;
  Task<> commit_write(WritePlan& plan) override;
  Task<> abort_write(WritePlan& plan) override;

  [[nodiscard]] uint32_t compressed_unit() const override;
  Result<size_t> compress(std::span<const std::byte> plain, std::span<std::byte> packed,
                          int level) const override;
  Task<WritePlan> prepare_compressed(uint64_t offset, uint64_t length, uint64_t packed) override;
  Task<> write_compressed(uint64_t host_offset, IoSpan from) override;

  Task<uint64_t> zero_units(uint64_t offset, uint64_t length, format::ZeroFlags flags) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<uint64_t> vm_state_place(uint64_t offset, uint64_t length, bool for_writing) override;
  Task<> resize(uint64_t virtual_size, storage::Preallocation preallocation,
                bool allow_shrink) override;
  Task<> commit_resize() override;
  Task<> abort_resize() override;
  Task<> close() override;
  Task<> make_empty() override;
  Task<> change_backing(std::optional<BackingName> below) override;

  /// Takes a snapshot of the disk; id, places and disk size are filled in. unsupported where the
  /// refcounts are too narrow, and nothing has changed then.
  Task<> create_snapshot(Snapshot snapshot);
  /// The disk reads as it was at the snapshot of this id; of images open for reading only.
  Task<> view_snapshot(std::string_view id);
  /// not_found where there is none of that name.
  Task<> delete_snapshot(std::string_view wanted, SnapshotKey key);
  /// The disk becomes what it was then, its size too.
  Task<> apply_snapshot(std::string_view wanted, SnapshotKey key);

  /// Moves what lies at the file's end down and cuts the file; see compact.h. corrupt where a
  /// check finds errors; unsupported for encrypted images and those with an external data file.
  /// A failure leaves leaks at worst.
  Task<CompactResult> compact(CompactOptions options);

  // Steps of an amendment (docs/crash-ordering.md), each on disk when it has ended.
  /// Refuses, in the stock tool's words, what the image's contents forbid.
  Task<> check_amendment(const Amendment& wanted);
  /// To version 3.
  Task<> upgrade();
  /// Counts of 2^order bits; version 3 only.
  Task<> change_refcount_width(uint32_t order, const AmendProgress& progress);
  [[nodiscard]] bool lazy_refcounts_wished() const {
    return (header_.compatible_features & compatible_lazy_refcounts) != 0;
  }
  /// What the header wishes from the next open on; version 3 only.
  Task<> wish_lazy_refcounts(bool lazy);
  /// The external data file as the header names it, and whether it is to be readable by itself;
  /// which file is open does not change.
  Task<> change_data_file(const Amendment& wanted);
  /// To version 2, of an image that check_amendment() found fit for it.
  Task<> downgrade(const AmendProgress& progress);

  /// Of an image that was opened to be checked and for writing. What it is read by afterwards
  /// is what was loaded before: open it anew.
  Task<CheckResult> repair(Repair what, const FindingSink& sink);

  /// nullptr where the image is not encrypted.
  [[nodiscard]] const Encryption* encryption() const { return encryption_.get(); }
  /// Key slots are changed; unsupported where there are none.
  Task<> change_key_slots(luks::SlotChange change);

  [[nodiscard]] OverlapGuard& guard() { return guard_; }
  /// To look at.
  [[nodiscard]] Bitmaps& bitmaps() { return bitmaps_; }
  /// To change. All that was written is on disk first, and nothing is being written meanwhile: a
  /// bitmap that says "clean" from now on must not miss data that comes yet, nor speak of data
  /// that a crash takes back. read_only where the image is.
  Task<BitmapsAtRest> change_bitmaps();

 private:
  Task<> before_write_back() override;
  [[nodiscard]] std::span<const uint64_t> l1_entries() const override { return map_.l1_entries(); }
  [[nodiscard]] std::span<const uint64_t> refcount_blocks() const override {
    return refcounts_.blocks();
  }
  Task<> write_metadata();
  Task<> begin_lazy_refcounts();
  Task<> set_incompatible(uint64_t bits, bool on);
  Task<> clear_autoclear();
  Task<> repair_dirty();
  Task<> cover_last_cluster();
  Task<> store_tables();
  Task<> tell_recovered();
  void tell_corruption(const Corruption& corruption) const;
  [[nodiscard]] Result<void> writable() const;

  [[nodiscard]] uint64_t cluster_of(uint64_t offset) const {
    return offset >> header_.cluster_bits;
  }
  [[nodiscard]] uint32_t unit_size() const { return unit_size_; }

  Result<Run> run_at(const EntryView& view, uint64_t offset, uint64_t length) const;
  Result<void> check_entry(const L2Entry& entry, uint64_t cluster) const;
  Task<> tell_damage(Error error);
  [[nodiscard]] std::string damage_met_by_write(const L2Entry& entry, uint64_t cluster,
                                                const Error& met_by_read) const;

  [[nodiscard]] bool writes_part_of_sector(uint64_t offset, uint64_t length) const;
  [[nodiscard]] uint64_t in_place_length(const EntryView& view, uint64_t offset, uint64_t length,
                                         uint64_t& host_offset) const;
  Task<WritePlan> plan_allocation(uint64_t offset, uint64_t length);
  Task<WritePlan> allocate_clusters(const EntryView& view, uint64_t offset, uint64_t length);
  [[nodiscard]] bool reuses_cluster(const L2Entry& entry) const;
  bool set_copy_on_write(WritePlan& plan, const EntryView& view, uint32_t count) const;
  void release_entry(const L2Entry& entry);
  Task<uint64_t> place_packed(uint64_t cluster, uint64_t packed);
  Task<> commit_compressed(WritePlan& plan);
  Task<> abort_compressed(WritePlan& plan);
  void let_go(WritePlan& plan);
  void link_units(const EntryView& view, uint32_t index, uint64_t host, uint64_t from, uint64_t to);

  [[nodiscard]] L2Entry zeroed(const L2Entry& entry, bool may_unmap) const;
  void zero_whole_entry(const EntryView& view, uint32_t index, bool may_unmap);
  void zero_part_of_entry(const EntryView& view, uint32_t index, uint64_t from, uint64_t to);
  Task<> before_zeroes(uint64_t offset, uint64_t end, format::ZeroFlags flags);
  Task<uint64_t> zero_without_flag(uint64_t offset, uint64_t stop);
  Task<> discard_clusters(uint64_t first, uint64_t count);

  Task<> grow(uint64_t virtual_size, storage::Preallocation preallocation);
  Task<> shrink(uint64_t virtual_size);
  enum class Cleared { unallocated, zero };
  Task<> clear_range(uint64_t first, uint64_t end, Cleared becomes);
  Task<> clear_clusters(uint64_t first, uint64_t count, Cleared becomes);
  Task<> take_growth_back();
  Task<> preallocate(uint64_t from, uint64_t to, storage::Preallocation preallocation);
  Task<> provide_preallocated(const WritePlan& plan, storage::Preallocation preallocation);
  Task<> encrypt_zeroes(const WritePlan& plan);
  Task<> link_preallocated(WritePlan& plan);
  Task<> mark_zero(uint64_t from, uint64_t length);
  Task<> write_size(uint64_t virtual_size);
  [[nodiscard]] uint64_t disk_tables(uint64_t disk_bytes) const;
  [[nodiscard]] bool has_vm_state() const;
  [[nodiscard]] Result<void> vm_state_may_follow(uint64_t virtual_size) const;
  Task<> change_tables(uint64_t virtual_size);

  Task<async::RangeLock::Guard> stand_still();
  Task<> settle();
  Task<std::vector<Snapshot>> load_snapshots();
  Task<std::vector<uint64_t>> read_snapshot_l1(const Snapshot& snapshot);
  Task<uint64_t> write_new_table(Writes kind, std::span<const std::byte> contents);
  Task<uint64_t> write_new_l1(Writes kind, std::span<const uint64_t> l1);
  Task<> raise_tree(std::span<const uint64_t> l1);
  Task<> drop_tree(std::span<const uint64_t> l1, Writes tables);
  [[nodiscard]] std::vector<bool> may_share_with(std::span<const uint64_t> other) const;
  Task<> switch_snapshot_table(std::span<const Snapshot> snapshots);
  Task<> link_snapshot(std::vector<Snapshot> snapshots, std::span<const uint64_t> l1);
  Task<> adopt_tree(const std::vector<uint64_t>& l1, uint64_t disk_size);
  Task<> mark_sole_owners(std::span<const uint64_t> l1);

  Task<> leave_lazy_refcounts();
  Task<std::vector<L2Table>> all_l2_tables();
  Task<bool> holds_compressed(std::span<const L2Table> tables);
  Task<> complete_snapshot_table();

  Task<> unpack_cluster(L2Entry entry, std::span<std::byte> plain);
  Task<std::shared_ptr<const Buffer>> unpacked_cluster(L2Entry entry);
  [[nodiscard]] Result<void> may_compact(bool dry_run) const;
  Task<uint64_t> give_up_zeroes();
  Task<bool> holds_only_zeroes(L2Entry entry);
  Task<> compact_once(const CompactOptions& options, CompactResult& result);
  Task<uint64_t> write_l1_below(Writes kind, std::span<const uint64_t> l1, uint64_t old,
                                uint64_t end);
  Task<> move_l1_down(uint64_t end);
  Task<> move_snapshots_down(std::vector<Snapshot> snapshots, uint64_t end);

  Gate gate_;
  Header header_;
  Qcow2OpenOptions options_;
  uint32_t unit_size_;
  Refcounts refcounts_;
  GuestData data_;
  ClusterMap map_;
  OverlapGuard guard_;
  Bitmaps bitmaps_;
  std::unique_ptr<Encryption> encryption_;
  async::RangeLock guest_locks_;
  async::Mutex flushing_;
  bool lazy_ = false;  // refcounts may be behind on disk while the image is open
  bool dirty_marked_ = false;
  std::optional<uint64_t> grown_from_;     // bytes; the size on disk while a growth is under way
  uint64_t data_file_end_ = 0;             // before that growth
  uint64_t old_snapshot_table_bytes_ = 0;  // as load_snapshots() found it
  std::optional<bool> preallocated_;       // once looked at

  UnpackedCache unpacked_;
  std::unordered_set<uint64_t> being_unpacked_;  // entries; not yet in the cache
  async::WaitQueue unpacked_one_;
};

/// Opens `file` as qcow2. Errors name the file and the field.
Task<std::unique_ptr<Qcow2Image>> open_qcow2(std::unique_ptr<storage::Storage> file,
                                             Qcow2OpenOptions options);

}  // namespace oxbow::format::qcow2
