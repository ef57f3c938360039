// The persistent dirty bitmaps of an open image. What is on disk never lies: before the first
// change that a stored bitmap does not know of, it is marked IN_USE there, all that change at
// once; it is unmarked when its bits are stored. Adding, dropping and resizing write a new
// directory beside the old one, and one header write switches (docs/crash-ordering.md).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/sync.h"
#include "format/format.h"
#include "format/qcow2/bitmap_bits.h"
#include "format/qcow2/bitmap_places.h"
#include "format/qcow2/bitmap_record.h"

namespace oxbow::format::qcow2 {

struct BitmapOptions {
  /// For bitmaps that have no setting of their own; without it the image's, else `process`.
  std::optional<BitmapDurability> durability;
  BootId boot = current_boot();
  std::function<void(std::string_view)> warn;
};

class Bitmaps final : public ChangeTracker {
 public:
  /// `header` is the image's own: where the directory lies changes in it. `counted` makes sure
  /// that reference counts are on disk.
  Bitmaps(Gate& gate, Header& header, Refcounts& refcounts, WriteBarrier& counted,
          BitmapOptions options)
      : gate_(gate),
        header_(header),
        refcounts_(refcounts),
        counted_(counted),
        options_(std::move(options)) {}

  /// Reads the directory. Before anything else.
  Task<> start();
  /// Of an image that is going to be written to. Gives the names of the bitmaps that nobody
  /// closed and that are right all the same.
  Task<std::vector<std::string>> start_writing();
  [[nodiscard]] bool empty() const { return bitmaps_.empty(); }

  [[nodiscard]] bool note(uint64_t offset, uint64_t length) override;
  Task<> mark(uint64_t offset, uint64_t length) override;
  void ended() override {
    if (--under_way_ == 0) idle_.notify_all();
  }
  /// No guest change is under way when this has ended, and none begins while the guard is held:
  /// a bitmap that says "clean" must not miss data that is still on its way.
  Task<async::Mutex::Guard> quiesce();

  /// As they are now: IN_USE says that a bitmap was found so, and cannot be used.
  [[nodiscard]] std::vector<Bitmap> list() const;
  /// The bits, loaded if need be. not_found; corrupt where they cannot be trusted.
  Task<const SparseBits*> bits_of(std::string_view name);
  [[nodiscard]] Result<uint8_t> granularity_bits_of(std::string_view name) const;

  // Each is on disk, or will be with the bits, when it has ended. Errors are the stock tool's
  // words: not_found, exists, invalid_argument, unsupported, corrupt (inconsistent).
  Task<> add(std::string name, uint8_t granularity_bits, bool enabled);
  Task<> remove(std::string_view name);
  Task<> clear(std::string_view name);
  Task<> set_enabled(std::string_view name, bool enabled);
  /// Sets in `into` what `bits`, of a disk of the same size, say.
  Task<> merge(std::string_view into, const SparseBits& bits, uint8_t granularity_bits);

  /// Until thaw() it takes no other change, and what the guest changes is kept apart, too.
  Task<> freeze(std::string_view name);
  /// Bits that lie in `copied`, ranges of bytes, are cleared, but for what the guest has changed
  /// since.
  Task<> thaw(std::string_view name, std::span<const ByteRange> copied);

  /// Of one bitmap, or with an empty name of the image; nothing: as is usual. Holds from the next
  /// time that a bitmap changes. no_space where the header has no room for it.
  Task<> set_durability(std::string_view name, std::optional<BitmapDurability> setting);
  [[nodiscard]] BitmapDurability durability_of(std::string_view name) const;

  /// Before and after the disk's size changes: bitmaps that follow the disk, or whose tables need
  /// another size, are marked IN_USE first, and get new tables then. What a disk grows by is dirty:
  /// it may once have been there with other contents. So is what is to be cut, until it is gone.
  Task<> before_resize(uint64_t bytes);
  Task<> after_resize();

  /// Copies what lies behind `end`, a host offset, to free places that are lower, while no bitmap
  /// is in use; the old ones are queued to be released. Nobody else is at work.
  Task<> move_down(uint64_t end);

  /// Stores all that changed and unmarks it. What cannot be stored stays IN_USE.
  Task<> store();

 private:
  struct Open {
    Bitmap entry;  ///< as on disk
    std::optional<BitmapBits> bits;
    bool taken = false;                     ///< marked IN_USE by us, or found so and right
    std::optional<BitmapDurability> holds;  ///< taken: what the record on disk says of it
    bool withdrawn = false;                 ///< but not while the disk grows
    std::optional<SparseBits> since;        ///< frozen: what changed from then on

    [[nodiscard]] bool usable() const { return !entry.foreign() && (taken || !entry.in_use()); }
    [[nodiscard]] bool knows(uint64_t first, uint64_t count) const {
      return bits->bits().all_set(first, count) && (!since || since->all_set(first, count));
    }
    void set(uint64_t first, uint64_t count) {
      bits->set(first, count);
      if (since) since->set(first, count);
    }
  };
  /// Bits that are to be set.
  struct Change {
    Open* bitmap;
    uint64_t first;
    uint64_t count;
  };
  /// Enabled bitmaps of one granularity.
  struct Group {
    uint8_t granularity_bits;
    std::vector<size_t> members;
    SparseBits covered;  ///< what all have set, as far as known; of a single one, its own bits do
  };
  [[nodiscard]] const SparseBits& known(const Group& group) const;

  [[nodiscard]] std::vector<Bitmap> on_disk() const;
  [[nodiscard]] Open* find(std::string_view name);
  Result<Open*> usable(std::string_view name);
  Result<Open*> changeable(std::string_view name);
  [[nodiscard]] uint64_t bits_for(const Open& bitmap, uint64_t bytes) const;
  void regroup();
  Task<> examine();
  Task<bool> take_places(const Open& one, BitmapPlaces& places);
  Task<bool> keeps_to_itself(const Bitmap& entry, const BitmapPlaces& places);
  Task<> distrust_unsound(const std::vector<bool>& sound);
  Task<> load(Open& bitmap);
  Task<> take_over(std::vector<Open*> wanted);
  Task<> take_over(Open* one) { return take_over(std::vector<Open*>(1, one)); }
  [[nodiscard]] bool note_in_group(Group& group, uint64_t first, uint64_t count);
  Task<> mark_begun(uint64_t offset, uint64_t length);
  Task<std::vector<Change>> changes_of(uint64_t offset, uint64_t length);
  Task<> write_directory_in_place();
  void merge_finer_or_coarser(Open& into, const SparseBits& bits, uint8_t granularity_bits) const;
  Task<> resize_tables();
  Task<> withdraw(std::span<Open* const> promised);
  Task<> mark_cut(std::span<Open* const> following, uint64_t bytes);
  Task<> mark_grown();
  Task<uint64_t> copy_bits_below(uint64_t offset);
  Task<Bitmap> copy_below(Bitmap entry, uint64_t end, std::vector<Release>& old);
  void give_up();
  [[nodiscard]] uint64_t directory_offset() const {
    return header_.bitmaps ? header_.bitmaps->directory_offset : 0;
  }
  Task<> switch_directory(const std::vector<Bitmap>& entries);
  Task<> set_autoclear(uint64_t bits, bool on);
  [[nodiscard]] bool recovers(const Bitmap& entry) const;
  Task<> promise(std::span<Open* const> wanted);
  Task<> write_record();
  Task<> set_on_disk(const Change& change);
  [[nodiscard]] bool in_force() const {
    return (header_.autoclear_features & autoclear_bitmap_record) != 0;
  }
  Task<uint64_t> write_new(Writes kind, std::span<const std::byte> contents);
  Task<uint64_t> write_new_table(std::span<const uint64_t> table);
  void release(Writes kind, uint64_t offset, uint64_t bytes);
  void release_own(Writes kind, uint64_t offset, uint64_t bytes);
  [[nodiscard]] Result<void> may_persist(const std::string& name, uint8_t granularity_bits) const;
  [[nodiscard]] Result<void> may_add(const std::string& name, uint8_t granularity_bits);

  Gate& gate_;
  Header& header_;
  Refcounts& refcounts_;
  WriteBarrier& counted_;
  BitmapOptions options_;
  BitmapRecord record_;
  bool record_outdated_ = false;  ///< it says of a bitmap what does not hold any more
  std::vector<Open> bitmaps_;
  uint64_t bytes_before_resize_ = 0;
  std::optional<BitmapPlaces> places_;  ///< where bitmaps lay when they were examined
  std::vector<Group> groups_;
  async::Mutex changing_;
  async::Mutex quiet_;
  async::WaitQueue idle_;
  uint64_t under_way_ = 0;  ///< guest changes
};

}  // namespace oxbow::format::qcow2
