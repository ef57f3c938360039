// The table of internal snapshots, read entry by entry and validated as far as sizes go.
// Whether a snapshot's L1 table makes sense is the check's business.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

struct Header;

inline constexpr uint64_t snapshot_fixed_bytes = 40;

struct Snapshot {
  uint64_t l1_table_offset = 0;
  uint32_t l1_size = 0;  ///< entries
  std::string id;
  std::string name;
  uint32_t date_sec = 0;
  uint32_t date_nsec = 0;
  uint64_t vm_clock_nsec = 0;
  uint64_t vm_state_size = 0;  ///< bytes
  uint64_t disk_size = 0;      ///< bytes; the image's where the entry does not say
  std::optional<uint64_t> icount;
  uint32_t extra_bytes = 0;  ///< of optional fields that the entry has
  /// Optional fields beyond those known here; kept as they are.
  std::vector<std::byte> further_extra;
};

/// Whether the header's count and offset can be true; read_snapshots() relies on it.
Result<void> check_snapshot_place(const Header& header);

/// Told what is left out, and how many findings that is.
using DiscardSink = std::function<void(uint64_t count, std::string text)>;

/// All entries; at most max_snapshots and max_snapshot_table_bytes. With `discard`, extra data
/// that is too long is cut off and snapshots behind the table's largest size are left out; else
/// either fails.
/// Errors, in the stock tool's words: corrupt, or what reading the file gave.
Task<std::vector<Snapshot>> read_snapshots(storage::Source& file, const Header& header,
                                           const DiscardSink* discard = nullptr);

/// The table as the file holds it, padding and all. Fields that an entry lacked and that are
/// needed are added: the size of the disk and of a large VM state.
[[nodiscard]] std::vector<std::byte> encode_snapshots(std::span<const Snapshot> snapshots);

/// Bytes that the entries take in the file.
[[nodiscard]] uint64_t snapshot_table_bytes(std::span<const Snapshot> snapshots);

}  // namespace oxbow::format::qcow2
