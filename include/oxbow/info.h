// What an image says about itself, and what a check of it found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oxbow {

/// Guest bytes.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct SnapshotInfo {
  std::string id;
  std::string name;
  uint64_t vm_state_size = 0;  ///< bytes
  uint32_t date_sec = 0;       ///< since 1970, UTC
  uint32_t date_nsec = 0;
  uint64_t vm_clock_nsec = 0;
  std::optional<uint64_t> icount;
  uint64_t disk_size = 0;  ///< bytes, at the time of the snapshot
};

/// When a dirty bitmap is still right: after a clean close only, after the process was killed,
/// after a power cut, too.
enum class BitmapDurability : uint8_t { close, process, power };

struct BitmapInfo {
  std::string name;
  uint64_t granularity = 0;        ///< bytes
  std::vector<std::string> flags;  ///< "in-use": found inconsistent; "auto": enabled
  bool usable = true;              ///< neither inconsistent nor of a kind that is not known
  BitmapDurability durability = BitmapDurability::process;  ///< from its next change on
};

struct LuksSlotInfo {
  bool active = false;
  uint32_t iterations = 0;  ///< of the active ones
  uint64_t key_offset = 0;  ///< bytes from the header's beginning
  uint32_t stripes = 0;
};

/// A LUKS header: of a luks image, or of a qcow2 image that is encrypted that way.
struct LuksInfo {
  std::string cipher_algorithm;
  std::string cipher_mode;
  std::string iv_generator;
  std::string iv_generator_hash;  ///< empty where the generator needs none
  std::string hash_algorithm;
  std::string uuid;
  std::vector<LuksSlotInfo> slots;
  uint64_t payload_offset = 0;  ///< bytes
  uint32_t master_key_iterations = 0;
};

/// The format's own part; absent for raw.
struct Qcow2Info {
  uint32_t version = 3;
  std::string compression_type = "zlib";
  bool lazy_refcounts = false;
  uint32_t refcount_bits = 16;
  bool corrupt = false;
  bool extended_l2 = false;
  std::string encryption_format;  ///< "aes", "luks"; empty: not encrypted
  std::optional<LuksInfo> luks;
  /// Set where the image has an external data file; empty if it does not name it.
  std::optional<std::string> data_file;
  bool data_file_raw = false;
  std::vector<BitmapInfo> bitmaps;
};

/// A stretch of a vmdk disk in one file.
struct VmdkExtentInfo {
  uint64_t virtual_size = 0;  ///< bytes
  std::string filename;
  std::optional<uint64_t> cluster_size;  ///< bytes of a grain, of sparse ones
  std::string format;                    ///< "FLAT", "SPARSE", ...; empty: the image's own file
  bool compressed = false;
};

struct VmdkInfo {
  uint32_t cid = 0;
  uint32_t parent_cid = 0;
  std::string create_type;
  std::vector<VmdkExtentInfo> extents;
};

struct ImageInfo {
  std::string filename;
  std::string format;
  uint64_t virtual_size = 0;             ///< bytes
  std::optional<uint64_t> actual_size;   ///< bytes occupied on the host
  std::optional<uint32_t> cluster_size;  ///< bytes
  std::optional<bool> dirty = false;     ///< not closed cleanly; nothing: it cannot be told
  bool encrypted = false;
  std::string backing_filename;       ///< as the image states it
  std::string full_backing_filename;  ///< resolved against the image's place
  std::string backing_format;
  std::vector<SnapshotInfo> snapshots;
  std::optional<Qcow2Info> qcow2;
  std::optional<LuksInfo> luks;
  std::optional<VmdkInfo> vmdk;
};

/// A run of guest bytes, as `map` shows it.
struct BlockStatus {
  uint64_t offset = 0;  ///< guest bytes
  uint64_t length = 0;  ///< > 0
  uint32_t depth = 0;   ///< 0: this image, 1: its backing file, ...
  bool present = true;  ///< some layer of the chain decides these bytes
  bool zero = false;    ///< reads as zeroes
  bool data = false;    ///< stored bytes exist
  bool compressed = false;
  std::optional<uint64_t> host_offset;  ///< in `filename`, for plain data
  std::string filename;                 ///< the file that host_offset is in; empty without one
};

/// One finding of a check.
struct CheckFinding {
  enum class Severity { leak, error, note } severity = Severity::error;
  std::string text;  ///< the stock tool's sentence where it has one; no newline
  /// The check itself could not do its work; tools put their name before the text.
  bool about_check = false;
};

/// Counts as `qemu-img check --output=json` names them.
struct CheckResult {
  uint64_t check_errors = 0;
  uint64_t corruptions = 0;
  uint64_t leaks = 0;
  uint64_t corruptions_fixed = 0;
  uint64_t leaks_fixed = 0;
  uint64_t total_clusters = 0;
  uint64_t allocated_clusters = 0;
  uint64_t fragmented_clusters = 0;
  uint64_t compressed_clusters = 0;
  uint64_t image_end_offset = 0;  ///< bytes
};

}  // namespace oxbow
