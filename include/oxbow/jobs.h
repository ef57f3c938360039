// Long work on open images: copy (convert), compare, commit, rebase, compact; what images hold, and
// what a copy would need (measure).
#pragma once

#include <oxbow/compact.h>
#include <oxbow/image.h>
#include <oxbow/usage.h>

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace oxbow {

struct Progress {
  /// Called now and then with work done and work in all, in bytes; 0 and 0 where there is
  /// nothing to do. Optional.
  std::function<void(uint64_t done, uint64_t total)> report;
};

struct CopyOptions {
  /// Copied are these alone, and in full, whatever the target has: an increment. In order, apart;
  /// the rest of the target stays as it is. Nothing: everything.
  std::optional<std::vector<ByteRange>> ranges;

  /// Runs of zero bytes at least this long (bytes, a multiple of 512) become holes or zero
  /// clusters in the target; 0: every byte is written, holes too, as data.
  uint64_t sparse_size = 4096;
  bool target_is_zero = false;      ///< the target is known to read as zeroes
  bool target_has_backing = false;  ///< leave what the shared backing file already says
  bool kernel_copy = false;         ///< -C: try copy offloading
  /// The data is written compressed, in whole clusters. unsupported where the target takes none;
  /// where it holds data already, it cannot be replaced.
  bool compress = false;
  /// How hard to try: 1 to 9 for zlib, 1 to 22 for zstd; 0: as usual.
  int compression_level = 0;
  unsigned parallel = 8;    ///< requests under way at once
  bool in_order = true;     ///< false: the target may be written out of order
  bool salvage = false;     ///< unreadable ranges become zeroes, with a warning
  uint64_t rate_limit = 0;  ///< bytes a second, 0: none
  std::function<void(std::string_view)> warn;
  Progress progress;
};

/// Copies the guest contents of `sources`, one after the other, to the start of `target`,
/// which must be at least as long as all of them together. Flushes the target at the end.
Result<void> copy(std::span<Image* const> sources, Image& target, const CopyOptions& options = {});

/// What compare() was doing when it failed.
enum class CompareStep { block_status, read };

struct CompareOptions {
  bool strict = false;  ///< different sizes or different allocation count as different
  CompareStep* failed_step = nullptr;  ///< set where compare() returns an error
  Progress progress;
  std::function<void(std::string_view)> warn;
};

struct CompareResult {
  bool identical = true;
  std::optional<uint64_t> first_difference;  ///< guest bytes, a multiple of 512
  bool allocation_differs = false;           ///< strict: the difference is one of allocation
  bool sizes_differ = false;                 ///< strict: that alone makes them different
};

Result<CompareResult> compare(Image& left, Image& right, const CompareOptions& options = {});

struct MeasureOptions {
  std::string format = "qcow2";  ///< of the new image: "qcow2", "raw" or "luks"
  Options format_options;        ///< stock -o keys as in CreateOptions; sizes in plain bytes
};

struct MeasureResult {
  uint64_t required = 0;         ///< bytes of the new image's file
  uint64_t fully_allocated = 0;  ///< bytes of it once all of the disk has been written to
  /// Bytes more for copies of the source's bitmaps; absent where either side cannot have any.
  std::optional<uint64_t> bitmaps;
};

/// How large the file of a new, empty image of `size` bytes is. invalid_argument for options that
/// exclude the image, unsupported for formats that are not known here.
Result<MeasureResult> measure(uint64_t size, const MeasureOptions& options = {});
/// How large the file is that a copy of `source` fills. Block status alone is asked: zeroes that
/// only a look at the bytes tells count as data.
Result<MeasureResult> measure(Image& source, const MeasureOptions& options = {});

/// What commit() was doing when it failed.
enum class CommitStep { open_base, copy, make_empty };

struct CommitOptions {
  unsigned depth = 1;  ///< layers down from the image to the one that is written to; > 0
  /// The image keeps what it holds. Needed where `depth` is more than 1: the layers between would
  /// else be missed by who reads the image.
  bool keep_top = false;
  uint64_t rate_limit = 0;            ///< bytes a second, 0: none
  CommitStep* failed_step = nullptr;  ///< set where commit() returns an error
  Progress progress;
};

/// Writes what `image`, and the layers between, hold into the layer `options.depth` below, which
/// is opened for writing and becomes as long as the image; then empties the image. Its disk reads
/// the same before, after, and at any crash in between. Its snapshots must, too: unsupported where
/// one takes bytes from the backing file that would change. Errors: not_found where there is no
/// such layer; busy, permission where it cannot be written.
Result<void> commit(Image& image, const CommitOptions& options = {});

struct RebaseOptions {
  bool compress = false;  ///< whole clusters that are copied
  Progress progress;
};

/// What `image` takes from its backing file, and `below` does not hold at the same place, is
/// written into the image, so that its disk reads the same over `below` (nullptr: over nothing).
/// Its header is left alone: see Image::change_backing(). Durable when it ends. unsupported where a
/// snapshot takes bytes from the backing file that `below` does not hold.
Result<void> rebase(Image& image, Image* below, const RebaseOptions& options = {});
/// Rewrites the file of a writable image in place so that it is as short as what it holds: what
/// lies at its end moves into free clusters, tables and all, and the file is cut. The disk,
/// snapshots and bitmaps hold what they held. A crash or a failure at any point leaves leaked
/// clusters at worst. Errors: corrupt where a check finds errors (nothing has changed then),
/// read_only, unsupported for other formats than qcow2, for encrypted images and external data
/// files. Memory: 40 MiB at most, and for each TiB of the file at 64 KiB clusters 8 MiB, 24 where
/// all of it is shared by snapshots.
Result<CompactResult> compact(Image& image, const CompactOptions& options = {});

/// What the image and the layers below it hold, the image first; reads only. Errors: corrupt where
/// a check finds errors in the tables.
Result<std::vector<LayerUsage>> disk_usage(Image& image);

}  // namespace oxbow
