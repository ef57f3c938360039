// How images are opened and created. Keys and values use the words of the stock tools
// ("l2-cache-size", "file.filename", "cluster_size"), so their manuals apply.
#pragma once

#include <oxbow/events.h>
#include <oxbow/info.h>
#include <oxbow/throttle.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oxbow {

/// Dotted keys to values: {"driver","qcow2"}, {"file.filename","a.img"}, {"backing.driver","raw"}.
using Options = std::map<std::string, std::string>;

/// The stock cache modes. writethrough and directsync make every write durable before it
/// completes; none and directsync bypass the page cache; unsafe ignores flushes.
enum class CacheMode { writeback, none, writethrough, directsync, unsafe };

/// Which files an image may make the library open besides itself (backing and data files).
enum class Trust {
  none,  ///< none at all: an image that needs one does not open
  /// Only files in the directory of the image that names them (not above, not below), with
  /// symbolic links followed on both sides; no protocols but plain files.
  same_directory,
  all,  ///< whatever it names, as the stock tools do
};

/// Gives the secret that an id stands for, as in "encrypt.key-secret": its bytes, or nothing where
/// there is none of that name.
using SecretSource = std::function<std::optional<std::string>(const std::string& id)>;

/// What a check repairs of what it finds.
enum class Repair {
  none,
  /// Clusters that are counted and not used are freed, and flags that follow the counts set
  /// right; what needs more than that is told.
  leaks,
  all,  ///< whatever can be without a guess; guest data is never touched
  /// Besides, gives up what cannot be read any more: entries that lead nowhere become unallocated,
  /// snapshots without a table go, and bitmaps that follow the disk say that all of it is dirty.
  unreadable,
};

enum class DetectZeroes { off, on, unmap };

struct OpenOptions {
  std::string format;  ///< "qcow2", "raw", ...; empty: found by probing
  bool writable = false;
  bool force_share = false;  ///< open although another process holds locks (reads may be stale)
  /// Keeps other processes from writing to the file while it is open, even where the format
  /// has no metadata that they could disturb (raw).
  bool deny_writers = false;
  bool open_backing = true;  ///< false: backing files are not opened, holes read as zeroes
  /// false: an external data file is not opened, and its data cannot be read
  bool open_data_file = true;
  /// Guest data will not be asked for: an encrypted image opens without its key.
  bool metadata_only = false;
  /// Do not refuse or repair dirty and corrupt images; guest data is not written. With
  /// `writable`, for Image::check() to repair.
  bool check_only = false;
  CacheMode cache = CacheMode::writeback;
  bool unmap_on_discard = false;  ///< pass discards on to the host file
  DetectZeroes detect_zeroes = DetectZeroes::off;
  bool copy_on_read = false;  ///< what is read from backing files is kept in the image
  /// Writes go to a temporary qcow2 image over the named one and are gone after close();
  /// the named one is not written to.
  bool snapshot = false;
  std::string aio;  ///< "threads", "native", "io_uring"; empty: the fastest here
  Trust trust = Trust::same_directory;
  SecretSource secrets;  ///< absent: there are none
  Options driver;        ///< further stock options, dotted keys
  /// Told what a user should know and no caller has to act on; one message, no newline at
  /// the end. Absent: dropped.
  std::function<void(std::string_view)> warn;
  /// Told what opening for writing repairs in an image that was not closed; absent: dropped.
  std::function<void(const CheckFinding&)> on_repair;
  /// Told of events; absent: dropped.
  EventSink on_event;
  /// Told what the fault driver reports ("blkdebug: Suspended request 'A'"), without a newline.
  std::function<void(const std::string&)> debug_output;
  /// Told where blkverify or quorum (with blkverify=on) find that copies differ, without a newline;
  /// the read fails then. The stock tools end the process here.
  std::function<void(const std::string&)> on_mismatch;
  /// What the filter "throttle" names by its option "throttle-group".
  std::map<std::string, std::shared_ptr<ThrottleGroup>> throttle_groups;
};

/// Whether the stock tools know a format, a protocol or a filter of this name.
[[nodiscard]] bool known_format(std::string_view name);

struct CreateOptions {
  std::string filename;
  std::string format = "qcow2";
  /// Virtual size in bytes; no_size: taken from the backing file.
  static constexpr uint64_t no_size = UINT64_MAX;
  uint64_t size = no_size;
  std::string backing_file;
  std::string backing_format;
  bool open_backing = true;  ///< false: the backing file need not exist (-u); needs a size
  /// Stock -o keys: cluster_size, refcount_bits, compat, extended_l2, lazy_refcounts,
  /// preallocation, compression_type, ...; sizes as the stock tools parse them.
  Options format_options;
  SecretSource secrets;  ///< for encrypt.key-secret, key-secret; absent: there are none
  Trust trust = Trust::same_directory;
  std::function<void(std::string_view)> warn;
};

}  // namespace oxbow
