// The gate: the one door to a qcow2 image's file. It alone holds the writable handle; whoever
// changes a byte says what it writes, and the guard is asked before it happens. Reads pass
// straight through.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/held_ranges.h"
#include "format/qcow2/header.h"
#include "format/qcow2/metadata_class.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

class OverlapGuard;

/// Damage that was met.
struct Corruption {
  std::string message;
  uint64_t offset = 0;  ///< host bytes; with `size` 0: no place in particular
  uint64_t size = 0;
  bool fatal = true;  ///< from now on nothing is written to the image
};

/// Reference counts, as far as they are in memory.
class CountsInMemory {
 public:
  virtual ~CountsInMemory() = default;
  /// The first cluster of [first, last] whose count is known and not 1, as it is where guest
  /// data may be written: one place of the disk, and no snapshot.
  struct Wrong {
    uint64_t cluster;
    uint64_t count;
  };
  [[nodiscard]] virtual std::optional<Wrong> first_not_one(uint64_t first, uint64_t last) const = 0;
  /// Whether there is such a cluster, asked for one: on the way of every data write.
  [[nodiscard]] virtual bool known_not_one(uint64_t cluster) const = 0;
};

/// Owns the image's file. Belongs to the image's loop; operations may overlap in time.
class Gate {
 public:
  explicit Gate(std::unique_ptr<storage::Storage> file) : file_(std::move(file)) {}

  /// From now on every write is checked. `header` is the image's own; `on_corrupt` is told
  /// once, before the corrupt bit is set. All must outlive the gate's use.
  void arm(Header& header, OverlapGuard& guard, const CountsInMemory& counts,
           std::function<void(const Corruption&)> on_corrupt);

  /// To look at; only the gate can write.
  [[nodiscard]] storage::Source& file() const { return *file_; }

  Task<> read(uint64_t offset, IoSpan into) { return file_->read(offset, into); }

  // What changes bytes. A write that would land on metadata of another kind, or on a cluster
  // that is not counted as the writer believes, fails with `corrupt` and is the last one.
  // Data goes to a place that is held: see hold_data().
  Task<> write(Writes what, uint64_t offset, IoSpan from);
  /// Data into clusters that may hold other data besides: counts above 1 are fine.
  Task<> write_beside(uint64_t offset, IoSpan from);
  Task<> write_zeroes(Writes what, uint64_t offset, uint64_t length, storage::ZeroFlags flags);
  /// Of clusters that nobody refers to any more.
  Task<> discard(uint64_t offset, uint64_t length);
  Task<> truncate(uint64_t size, storage::Preallocation preallocation);

  /// Free clusters are going to hold metadata. Refused, like a write, where they hold some
  /// already, or where data is still on its way to them.
  Task<> enter(Writes kind, uint64_t offset, uint64_t length);
  /// Nothing refers to them as such any more.
  void leave(Writes kind, uint64_t offset, uint64_t length);
  /// Tables that are metadata already get a class more: active and snapshots' trees share them.
  void share(Writes kind, uint64_t offset, uint64_t length);
  /// A snapshot has dropped an L2 table, to which `references` are left.
  void leave_snapshot(uint64_t offset, uint64_t references);
  /// References to guest data are about to be dropped. Refused where it is metadata.
  Task<> check_release(uint64_t offset, uint64_t length);
  /// A data write has been given this place; end_data() when it is over, done or failed.
  [[nodiscard]] HeldRanges::Hold hold_data(uint64_t offset, uint64_t length) {
    return data_in_flight_.hold(offset, offset + length);
  }
  void end_data(HeldRanges::Hold& held) {
    held = {};
    ++ended_;
  }

  Task<> flush() { return file_->flush(); }
  Task<> close();
  /// Everything that was written is on stable media; no flush where nothing was since the last.
  /// Settles the header first.
  Task<> barrier();
  /// Fields of the header that name another table now, side by side in one sector; then a
  /// barrier. A failure leaves the header unsettled: on disk it may say either.
  Task<> switch_header(uint64_t offset, std::span<const std::byte> fields);
  /// A field of eight bytes that says something about what is on disk: a barrier, then as above.
  Task<> write_header_field(uint64_t offset, uint64_t value);
  /// Puts the old fields back where a switch failed. Nothing may be linked to tables before.
  Task<> settle_header();

  [[nodiscard]] bool corrupt() const { return corrupt_; }
  /// Tells, sets the corrupt bit, refuses every write from now on. Gives the error for the
  /// request that met the damage.
  Task<> refuse(std::string message, uint64_t offset, uint64_t length);

 private:
  [[nodiscard]] bool surely_allows_data(uint64_t offset, uint64_t length) const;
  [[nodiscard]] bool allows(Writes what, uint64_t offset, uint64_t length) const;
  Task<> ask(Writes what, uint64_t offset, uint64_t length);
  Task<> ask_then_write(Writes what, uint64_t offset, IoSpan from);
  Task<> write_metadata(Writes what, uint64_t offset, IoSpan from);
  Task<> set_corrupt_bit();
  Task<> write_main_header(uint64_t offset, std::span<const std::byte> fields);
  [[nodiscard]] std::optional<CountsInMemory::Wrong> miscounted(uint64_t offset,
                                                                uint64_t length) const;

  std::unique_ptr<storage::Storage> file_;
  Header* header_ = nullptr;
  unsigned cluster_bits_ = 0;
  OverlapGuard* guard_ = nullptr;
  const CountsInMemory* counts_ = nullptr;
  std::function<void(const Corruption&)> on_corrupt_;
  HeldRanges data_in_flight_;
  // Counts of writes that have ended, and of those that a flush has covered since. What is
  // under way when a flush begins may miss it, and owes the next one.
  uint64_t ended_ = 0;
  uint64_t flushed_ = 0;
  bool corrupt_ = false;
  struct OldFields {
    uint64_t offset;
    std::vector<std::byte> bytes;
  };
  std::vector<OldFields> unsettled_;
};

}  // namespace oxbow::format::qcow2
