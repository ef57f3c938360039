// L2 entries by the unit of allocation: a cluster, or a subcluster with extended L2.
#pragma once

#include <cstdint>
#include <string>

#include "format/format.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

/// What one unit is and where its bytes lie.
struct Unit {
  RunKind kind = RunKind::hole;
  bool has_host = false;
  uint64_t host = 0;  ///< host offset of the unit's first byte, where has_host
};

[[nodiscard]] inline bool is_compressed(const L2Entry& entry) {
  return (entry.raw & l2_compressed_flag) != 0;
}
/// Host offset of the entry's plain cluster, where has_cluster().
[[nodiscard]] inline uint64_t host_cluster(const L2Entry& entry) {
  return is_compressed(entry) ? 0 : entry.raw & l2_offset_mask;
}
/// The cluster may be written in place: nobody else refers to it.
[[nodiscard]] inline bool is_ours(const L2Entry& entry) {
  return has_cluster(entry) && (entry.raw & copied_flag) != 0;
}

[[nodiscard]] inline Unit unit_of(const L2Entry& entry, uint32_t unit, uint32_t unit_size,
                                  bool extended) {
  if (is_compressed(entry)) return {RunKind::compressed, false, 0};
  const bool has_host = has_cluster(entry);
  const bool zero =
      extended ? ((entry.bitmap >> (32 + unit)) & 1) != 0 : (entry.raw & l2_zero_flag) != 0;
  const bool stored = extended ? ((entry.bitmap >> unit) & 1) != 0 : has_host;
  const uint64_t place = (entry.raw & l2_offset_mask) + uint64_t{unit} * unit_size;
  if (zero) return {RunKind::zero, has_host, place};
  if (stored && has_host) return {RunKind::data, true, place};
  return {RunKind::hole, has_host, place};
}

/// Whether `next`, `distance` bytes after the start of `first`, belongs to the same run.
[[nodiscard]] inline bool continues(const Unit& first, const Unit& next, uint64_t distance) {
  return next.kind == first.kind && next.has_host == first.has_host &&
         (!first.has_host || next.host == first.host + distance);
}

/// As messages show offsets: "0x1f0000".
[[nodiscard]] std::string hex(uint64_t value);
/// The same, but a bare "0".
[[nodiscard]] std::string hex_or_zero(uint64_t value);

}  // namespace oxbow::format::qcow2
