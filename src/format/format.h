// Where guest bytes live. A format answers questions about places and keeps its
// metadata; it never moves guest data: graph::Node does the I/O between the answers.
//
// A write is prepare_write (allocate) -> write_host (data) -> commit_write (link) or
// abort_write (free); metadata is linked only after its data is written.
#pragma once

#include <oxbow/info.h>
#include <oxbow/options.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "async/sync.h"
#include "async/task.h"
#include "base/held_ranges.h"
#include "base/io_vector.h"
#include "storage/storage.h"

namespace oxbow::format {

using async::Task;

enum class RunKind : uint8_t {
  data,        ///< stored plainly at host_offset of the format's data storage
  zero,        ///< reads as zeroes whatever lies below
  hole,        ///< nothing here: the backing node decides, zeroes where there is none
  compressed,  ///< inside a compressed cluster; read with read_compressed
};

/// Where stored bytes lie, and of which guest bytes they are: what an encrypted image makes of
/// them may depend on either.
struct Place {
  uint64_t host = 0;
  uint64_t guest = 0;
};

/// A stretch of guest bytes that are stored alike.
struct Run {
  uint64_t length = 0;  ///< bytes from the asked guest offset; > 0
  RunKind kind = RunKind::hole;
  /// A host cluster belongs to the run and what it holds is what the guest reads: for data unless
  /// it is encrypted; for zero runs where a cluster was preallocated, and for holes beside stored
  /// subclusters.
  bool has_host_offset = false;
  uint64_t host_offset = 0;  ///< of data, and where has_host_offset
  /// The file that host_offset lies in; nullptr: Format::file().
  storage::Source* file = nullptr;
};

/// A write that has its place but is not linked yet. Made by prepare_write, used up by
/// exactly one of commit_write and abort_write. Holds the guest range it covers.
struct WritePlan {
  uint64_t guest_offset = 0;
  uint64_t length = 0;       ///< bytes of the request that this plan covers; > 0
  uint64_t host_offset = 0;  ///< of guest_offset
  /// Copy on write: this many guest bytes directly before guest_offset and after
  /// guest_offset + length must be written, with their present contents, to the host
  /// bytes around the data.
  uint64_t head = 0;
  uint64_t tail = 0;
  /// Nothing is to be linked. There may be a head and a tail all the same, where less than what
  /// they fill up cannot be written.
  bool in_place = true;
  /// The bytes of a compressed unit that go to host_offset; 0: the data is stored plainly.
  uint64_t packed = 0;
  /// Head and tail are known to read as zeroes and the host range already does, too.
  bool surroundings_zero = false;
  async::RangeLock::Guard lock;
  HeldRanges::Hold in_flight;  ///< the host bytes are being written
};

struct ZeroFlags {
  bool may_unmap = false;
  bool no_fallback = false;
  bool range_held = false;  ///< the caller holds the range exclusively in guest_locks()
};

/// Remembers which guest bytes change; told before each change.
class ChangeTracker {
 public:
  virtual ~ChangeTracker() = default;
  /// Begins a change the quick way: false where it takes more, and nothing has happened then that
  /// mark() does not do again.
  [[nodiscard]] virtual bool note(uint64_t offset, uint64_t length) = 0;
  /// Begins a change: it may be made when this has ended.
  virtual Task<> mark(uint64_t offset, uint64_t length) = 0;
  /// A change that began is over, made or not.
  virtual void ended() = 0;
};

/// Ends a change when it goes.
class ChangeUnderWay {
 public:
  /// Of a change that has begun; nullptr: there is none.
  explicit ChangeUnderWay(ChangeTracker* tracker) : tracker_(tracker) {}
  ~ChangeUnderWay() {
    if (tracker_ != nullptr) tracker_->ended();
  }
  ChangeUnderWay(const ChangeUnderWay&) = delete;
  ChangeUnderWay& operator=(const ChangeUnderWay&) = delete;

 private:
  ChangeTracker* tracker_;
};

/// Limits and habits that commands show.
struct Geometry {
  uint64_t virtual_size = 0;
  uint32_t cluster_size = 0;     ///< 0 where the format has none (raw)
  uint32_t subcluster_size = 0;  ///< unit of copy on write; == cluster_size mostly
};

/// The layer below, as an image names it.
struct BackingName {
  std::string file;
  std::optional<std::string> format;
};

/// Told each finding of a check as it is made; may be empty.
using FindingSink = std::function<void(const CheckFinding&)>;

/// What formats say that have no check, or no repair.
inline std::unexpected<Error> no_check() {
  return fail(ErrorKind::unsupported, "This image format does not support checks", ENOTSUP);
}

class Format {
 public:
  virtual ~Format() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual Geometry geometry() const = 0;
  [[nodiscard]] virtual bool read_only() const = 0;
  /// The file that holds the image, to look at.
  [[nodiscard]] virtual storage::Source& file() = 0;
  /// Whether the image was not closed by who wrote to it; nothing where formats do not tell.
  [[nodiscard]] virtual std::optional<bool> dirty() const { return false; }
  /// The guest's bytes are encrypted.
  [[nodiscard]] virtual bool encrypted() const { return false; }
  /// Bytes occupied on the host, of all the files of the image.
  [[nodiscard]] virtual Result<uint64_t> allocated_bytes() { return file().allocated_bytes(); }
  /// What the image says lies below it.
  [[nodiscard]] virtual std::optional<BackingName> backing_name() const { return std::nullopt; }
  /// Whether `map` has places to show: else all is data that lies somewhere, as the stock tools
  /// have it, whatever map() says to who copies.
  [[nodiscard]] virtual bool shows_places() const { return true; }
  /// Compares the metadata with itself, and repairs it; nothing is being written.
  virtual Task<CheckResult> check(FindingSink /*on_finding*/, Repair /*repair*/) {
    co_return no_check();
  }
  /// Told once by who opened it, before any data is asked for: whether a node lies below.
  virtual void set_has_backing(bool /*has_backing*/) {}
  /// Told of the layer below, where there is one: some images know what it must be.
  virtual void note_backing(const Format& /*backing*/) {}

  /// The run that begins at `offset`, at most `length` bytes; offset + length lies
  /// inside the virtual size. Hot: no hidden writes.
  virtual Task<Run> map(uint64_t offset, uint64_t length) = 0;
  /// The same for a read: formats whose storage knows its own holes need not ask for them.
  virtual Task<Run> map_for_read(uint64_t offset, uint64_t length) { return map(offset, length); }
  /// Whether data runs are worth looking up in the file, where they may be holes: an image
  /// that was preallocated and not filled. map() of formats that ask the file says no.
  virtual Task<bool> data_may_be_holes() { co_return false; }
  /// Keeps `offset`..+`length` from being remapped while a read is under way.
  virtual async::RangeLock* guest_locks() { return nullptr; }
  /// Who is to know of changes before they are made; nullptr: nobody.
  virtual ChangeTracker* changes() { return nullptr; }
  /// Data of a `data` run.
  virtual Task<> read_host(Place at, IoSpan into) = 0;
  /// Guest bytes inside one compressed run.
  virtual Task<> read_compressed(uint64_t offset, IoSpan into) = 0;

  virtual Task<WritePlan> prepare_write(uint64_t offset, uint64_t length) = 0;
  virtual Task<> write_host(Place at, IoSpan from) = 0;
  /// write_host() of bytes that the kernel copies from another file; unsupported where the
  /// format must see them or the kernel cannot, and nothing has changed then.
  virtual Task<> copy_to_host(storage::Source& /*from*/, uint64_t /*from_offset*/,
                              uint64_t /*host_offset*/, uint64_t /*length*/) {
    co_return fail(ErrorKind::unsupported, "no copying in the kernel", ENOTSUP);
  }
  virtual Task<> commit_write(WritePlan& plan) = 0;
  virtual Task<> abort_write(WritePlan& plan) = 0;

  // Compressed writes: units of compressed_unit() bytes, the disk's last one may be shorter.
  // compress -> prepare_compressed -> write_compressed -> commit_write or abort_write.

  /// 0: there are none in this image.
  [[nodiscard]] virtual uint32_t compressed_unit() const { return 0; }
  /// Packs one unit, shorter ones filled up with zeroes, and gives its length; 0 where it is to be
  /// stored plainly. `packed` has 8 bytes more than a unit. `level`: how hard it tries, of a range
  /// of the method's own; 0: as usual. May be called from any thread.
  virtual Result<size_t> compress(std::span<const std::byte> /*plain*/,
                                  std::span<std::byte> /*packed*/, int /*level*/) const {
    return 0;
  }
  /// A place for a unit of `length` guest bytes that became `packed` bytes. `exists` (EIO) where
  /// the unit holds data already: a compressed unit replaces nothing.
  virtual Task<WritePlan> prepare_compressed(uint64_t /*offset*/, uint64_t /*length*/,
                                             uint64_t /*packed*/) {
    co_return fail(ErrorKind::unsupported, "compression is not supported", ENOTSUP);
  }
  /// Compressed units that follow each other from a plan's host_offset on.
  virtual Task<> write_compressed(uint64_t /*host_offset*/, IoSpan /*from*/) {
    co_return fail(ErrorKind::unsupported, "compression is not supported", ENOTSUP);
  }

  /// Makes whole units read as zeroes by metadata alone; covers a prefix of the range
  /// and returns its length, 0 where the bytes must be written instead (an unaligned
  /// head or tail, a format without zero clusters).
  virtual Task<uint64_t> zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) = 0;
  /// A hint; may do nothing.
  virtual Task<> discard(uint64_t offset, uint64_t length) = 0;
  virtual Task<> flush() = 0;
  /// Where bytes of the VM state lie: guest bytes from the offset given back on, behind the disk,
  /// for map() and prepare_write(); room for them is made for writing. unsupported where a format
  /// keeps none.
  virtual Task<uint64_t> vm_state_place(uint64_t /*offset*/, uint64_t /*length*/,
                                        bool /*for_writing*/) {
    co_return fail(ErrorKind::unsupported, "the format '" + name() + "' keeps no VM state",
                   ENOTSUP);
  }
  /// Growing is complete with commit_resize() or abort_resize(): what the new bytes read as is
  /// settled in between, and on disk before the new size is.
  /// Everything becomes a hole, as in a new image over the same backing file; what snapshots hold
  /// stays. Durable when it ends; a crash leaves either, and leaks at worst.
  virtual Task<> make_empty() {
    co_return fail(ErrorKind::unsupported, file().filename() + " cannot be emptied", ENOTSUP);
  }
  /// From its next opening on the image stands on this, or on nothing. Durable when it ends, and
  /// so is all that was written before; a crash leaves the old name or the new one.
  virtual Task<> change_backing(std::optional<BackingName> /*below*/) {
    co_return fail(ErrorKind::unsupported,
                   file().filename() + " cannot be given another backing file", ENOTSUP);
  }
  virtual Task<> resize(uint64_t virtual_size, storage::Preallocation preallocation,
                        bool allow_shrink) = 0;
  virtual Task<> commit_resize() { co_return {}; }
  virtual Task<> abort_resize() { co_return {}; }
  /// Stores what is in memory, marks the image clean, closes the file. The last call.
  virtual Task<> close() = 0;
};

}  // namespace oxbow::format
