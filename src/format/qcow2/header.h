// The qcow2 header: every field read and validated before anything follows it, and the
// header's cluster written. Who has a Header may trust its offsets to be aligned and its
// sizes to be within the format's limits; not that the tables they name make sense.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "format/qcow2/extensions.h"
#include "format/qcow2/layout.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

struct Header {
  uint32_t version = 3;
  uint32_t cluster_bits = 16;
  uint64_t size = 0;  ///< virtual size, bytes
  uint32_t crypt_method = crypt_none;
  uint32_t l1_size = 0;  ///< entries
  uint64_t l1_table_offset = 0;
  uint64_t refcount_table_offset = 0;
  uint32_t refcount_table_clusters = 0;
  uint32_t nb_snapshots = 0;
  uint64_t snapshots_offset = 0;
  uint64_t incompatible_features = 0;
  uint64_t compatible_features = 0;
  uint64_t autoclear_features = 0;
  uint32_t refcount_order = v2_refcount_order;
  uint8_t compression_type = compression_zlib;
  /// Header bytes beyond the fields known here; kept as they are.
  std::vector<std::byte> further_fields;

  std::string backing_file;  ///< as the image states it; empty: none
  std::optional<std::string> backing_format;
  std::optional<std::string> data_file;
  std::optional<BitmapsExtension> bitmaps;
  bool bitmaps_outdated = false;  ///< an extension was there, but not kept up to date
  std::optional<CryptoExtension> crypto;
  std::vector<FeatureName> feature_names;
  std::vector<UnknownExtension> unknown;  ///< extensions, in their order

  [[nodiscard]] uint32_t cluster_size() const { return 1U << cluster_bits; }
  [[nodiscard]] bool extended_l2() const {
    return (incompatible_features & incompatible_extended_l2) != 0;
  }
  [[nodiscard]] bool has_data_file() const {
    return (incompatible_features & incompatible_data_file) != 0;
  }
  /// Bit 0 of an L2 entry means "reads as zeroes".
  [[nodiscard]] bool has_zero_bit() const { return version >= 3 && !extended_l2(); }
  [[nodiscard]] uint32_t l2_entry_size() const { return extended_l2() ? 16 : 8; }
  /// Entries of one L2 table.
  [[nodiscard]] uint64_t l2_entries() const { return cluster_size() / l2_entry_size(); }
  [[nodiscard]] uint32_t refcount_bits() const { return 1U << refcount_order; }
  /// Entries of one refcount block.
  [[nodiscard]] uint64_t refcount_block_entries() const {
    return (uint64_t{cluster_size()} * 8) >> refcount_order;
  }
  /// Guest clusters, the last one perhaps in part.
  [[nodiscard]] uint64_t guest_clusters() const { return div_round_up(size, cluster_size()); }
  [[nodiscard]] uint64_t l1_entries_needed() const {
    return div_round_up(guest_clusters(), l2_entries());
  }
};

/// Whether a table may lie there: aligned to a cluster, and its end fits in 63 bits.
[[nodiscard]] bool table_place_valid(const Header& header, uint64_t offset, uint64_t bytes);

/// Reads and validates the header, and the snapshot table and bitmap directory as far as
/// an open needs them sound. `check_only`: for a check or repair, which tolerates an image
/// without a refcount table or with too much data in snapshots. `repairing`: one whose header
/// gives a refcount table where none can be is one without, as all of it can be counted anew.
/// Errors are the stock tool's sentences; corrupt, or unsupported for what is not known here.
Task<Header> read_header(storage::Source& file, bool check_only, bool repairing = false);

/// The whole first cluster, zero-filled. no_space where names and extensions do not fit.
Result<Buffer> encode_header(const Header& header);

}  // namespace oxbow::format::qcow2
