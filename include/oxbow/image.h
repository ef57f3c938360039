// An open disk image: guest bytes in and out, by any offset and length.
//
//   auto image = oxbow::Image::open("disk.qcow2");
//   std::array<std::byte, 512> sector;
//   auto done = image->read(0, sector);
//
// An Image belongs to the thread that opened it. The synchronous calls are the
// asynchronous ones plus a wait. Offsets and lengths are guest bytes; out of range is
// ErrorKind::invalid_argument and nothing is touched.
#pragma once

#include <oxbow/error.h>
#include <oxbow/info.h>
#include <oxbow/options.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace oxbow {

namespace graph {
class Node;
}

struct WriteOptions {
  bool fua = false;  ///< durable before the call completes
};

struct ZeroOptions {
  bool may_unmap = false;    ///< the range may lose its allocation
  bool no_fallback = false;  ///< fail rather than write zero bytes
  bool fua = false;
};

/// "off", "metadata", "falloc", "full" for the bytes that a growing resize adds.
enum class Preallocation { off, metadata, falloc, full };

/// Called on the image's thread, from poll(), drain() or any synchronous call.
using Completion = std::function<void(Result<void>)>;

class Image {
 public:
  /// Opens `filename`: a path, a "json:{...}" object, or "driver:..." as the stock tools
  /// read it. Errors: not_found, permission, busy (locked), corrupt, unsupported.
  static Result<Image> open(const std::string& filename, const OpenOptions& options = {});
  /// Opens what dotted options describe (--image-opts): {"driver","qcow2"}, {"file.filename",...}.
  static Result<Image> open_tree(const Options& tree, const OpenOptions& options = {});
  /// Creates an image file; an existing file is replaced, as the stock tools do.
  static Result<void> create(const CreateOptions& options);

  Image(Image&&) noexcept;
  Image& operator=(Image&&) noexcept;
  /// Closes what close() has not; errors are lost then, so call close() after writing.
  ~Image();
  /// Flushes, stores metadata, gives up locks. The image cannot be used afterwards.
  Result<void> close();

  [[nodiscard]] uint64_t size() const;  ///< virtual size in bytes
  [[nodiscard]] bool writable() const;
  [[nodiscard]] const std::string& filename() const;
  [[nodiscard]] std::string format() const;
  Result<ImageInfo> info();
  /// The layer below, if the image has one and it was opened. Valid as long as the image.
  Result<ImageInfo> backing_info(unsigned depth);

  Result<void> read(uint64_t offset, std::span<std::byte> into);
  Result<void> write(uint64_t offset, std::span<const std::byte> from, WriteOptions = {});
  Result<void> write_zeroes(uint64_t offset, uint64_t length, ZeroOptions = {});
  Result<void> discard(uint64_t offset, uint64_t length);
  Result<void> flush();
  /// Stores whole clusters compressed (the disk's last one may be shorter), or plainly where that
  /// takes no less. invalid_argument where they are not whole; exists where one holds data already:
  /// what lies before it is written then. unsupported for formats and images without compression.
  Result<void> write_compressed(uint64_t offset, std::span<const std::byte> from);
  /// Bytes of the VM state that an image may keep besides the disk; `offset` counts from its
  /// beginning, and what was never written reads as zeroes. The next snapshot takes it along,
  /// apply_snapshot() brings it back. unsupported for formats that keep none.
  Result<void> read_vm_state(uint64_t offset, std::span<std::byte> into);
  Result<void> write_vm_state(uint64_t offset, std::span<const std::byte> from);
  Result<void> resize(uint64_t size, Preallocation = Preallocation::off, bool allow_shrink = false);

  [[nodiscard]] bool has_backing() const;
  /// The file that `named` would mean as this image's backing file: relative to the image's place.
  /// invalid_argument where that is no file with a directory.
  [[nodiscard]] Result<std::string> resolve_backing(const std::string& named) const;
  /// How many layers down the backing file is that `name` means: any path to it, relative to the
  /// layer above it, or else the name as stated there or as info() shows it. Nothing: it is none.
  [[nodiscard]] std::optional<unsigned> find_backing(const std::string& name) const;
  /// The header names another backing file, by one write that a crash cannot cut in two; an empty
  /// name: none. What the image reads as changes when it is opened anew, and it is the caller's
  /// word that this is wanted: see rebase(). `format` may be empty; none is looked for. no_space
  /// where the header has no room, unsupported for formats without backing files.
  Result<void> change_backing(const std::string& name, const std::string& format = {});

  /// Takes an internal snapshot of the disk; info().snapshots lists them. unsupported for
  /// formats without them.
  Result<void> create_snapshot(const std::string& name);
  /// The snapshot of this name is gone, and what only it held is free. Else not_found.
  Result<void> delete_snapshot(const std::string& name);
  /// The disk reads as it was at the snapshot of this id; of images open for reading only.
  Result<void> view_snapshot(const std::string& id);
  /// The disk becomes what it was at the snapshot of this name or, failing that, this id.
  Result<void> apply_snapshot(const std::string& name_or_id);

  /// Persistent dirty bitmaps: which parts of the disk changed since they were made or cleared.
  /// info().bitmaps lists them. Names are 1 to 1,023 bytes. Errors: not_found, exists; corrupt for
  /// one that is inconsistent (flag "in-use"): it can only be removed; read_only; unsupported for
  /// formats without them. `granularity`: bytes a bit, a power of 2 from 512 to 2 GiB; 0: the
  /// cluster size, at least 4 KiB and at most 64 KiB. A disabled one does not change by writes.
  Result<void> add_bitmap(const std::string& name, uint64_t granularity = 0, bool enabled = true);
  Result<void> remove_bitmap(const std::string& name);
  Result<void> clear_bitmap(const std::string& name);
  Result<void> enable_bitmap(const std::string& name, bool enabled);
  /// What is dirty in bitmap `name` of `source` becomes dirty in bitmap `into`, too. Images of one
  /// size; granularities may differ.
  Result<void> merge_bitmap(const std::string& into, Image& source, const std::string& name);
  /// Calls visit(offset, length) for each dirty range, in order; guest bytes, cut at size().
  Result<void> visit_dirty(const std::string& name,
                           const std::function<void(uint64_t offset, uint64_t length)>& visit);
  /// A backup begins to copy what bitmap `name` marks: it stays as it is, cannot be removed or
  /// changed by another call (busy), and what changes from now on is remembered besides.
  Result<void> freeze_bitmap(const std::string& name);
  /// The backup is over, and has copied these ranges: what lies wholly inside one is dirty only if
  /// it changed since the bitmap was frozen. Without a range nothing is lost (the backup failed);
  /// with {{0, size()}} it was a success.
  Result<void> thaw_bitmap(const std::string& name, std::span<const ByteRange> copied);
  /// What the bitmap `name` is to survive, kept in the image; an empty name: those that have no
  /// setting of their own. Nothing: the usual. no_space where the header has no room for it.
  Result<void> set_bitmap_durability(const std::string& name,
                                     std::optional<BitmapDurability> setting);

  /// As above; memory belongs to the operation until `done` is called.
  void read_async(uint64_t offset, std::span<const std::span<std::byte>> into, Completion done);
  void write_async(uint64_t offset, std::span<const std::span<const std::byte>> from, WriteOptions,
                   Completion done);
  void write_zeroes_async(uint64_t offset, uint64_t length, ZeroOptions, Completion done);
  void discard_async(uint64_t offset, uint64_t length, Completion done);
  void flush_async(Completion done);
  void poll();   ///< one round without waiting
  void drain();  ///< until every asynchronous call has completed

  /// The run that begins at `offset`, at most `length` bytes, with neighbours that are
  /// alike merged. `offset` < size().
  Result<BlockStatus> block_status(uint64_t offset, uint64_t length);
  /// Whether this layer (not its backing file) holds the bytes; `length` is cut to the run.
  Result<bool> is_allocated(uint64_t offset, uint64_t& length);

  /// Compares the metadata with itself. `on_finding` sees each finding as it is made.
  /// unsupported for formats without a check. To repair, the image is opened `check_only` and
  /// `writable` (else invalid_argument): the result says what was fixed and what is left, a
  /// second check whether that is all, and for anything else the image is opened anew. A crash
  /// during a repair leaves nothing worse than there was.
  Result<CheckResult> check(const std::function<void(const CheckFinding&)>& on_finding = {},
                            Repair repair = Repair::none);

  /// For images over the fault driver ("blkdebug"); unsupported elsewhere. The next request
  /// that meets `event` stops and is known as `tag`; not_found for a word that is no event.
  Result<void> add_breakpoint(const std::string& event, const std::string& tag);
  /// Forgets the breakpoints of this tag and resumes its requests; not_found: there are none.
  Result<void> remove_breakpoint(const std::string& tag);
  /// Resumes the request of this tag that was stopped first; not_found: there is none.
  Result<void> resume_breakpoint(const std::string& tag);
  [[nodiscard]] bool is_suspended(const std::string& tag) const;

  /// Opens the layer `depth` > 0 again, for writing; until the image is closed.
  Result<void> make_backing_writable(unsigned depth);
  /// unsupported, and which, where a snapshot takes bytes from the backing file that would read
  /// differently in `below` (nullptr: as zeroes).
  Result<void> check_snapshots_over(const std::shared_ptr<graph::Node>& below);
  /// For the other layers of the library.
  [[nodiscard]] const std::shared_ptr<graph::Node>& node() const;

 private:
  struct State;
  explicit Image(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace oxbow
