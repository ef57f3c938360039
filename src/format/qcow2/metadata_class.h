// The kinds of metadata that the overlap guard tells apart, and sets of them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace oxbow::format::qcow2 {

/// What a write carries: guest data, or a kind of metadata.
enum class Writes : uint8_t {
  data,
  main_header,
  active_l1,
  active_l2,
  refcount_block,
  refcount_table,
  snapshot_table,
  inactive_l1,
  inactive_l2,
  bitmap_directory,
  bitmap_table,
  bitmap_data,
  crypto_header,
};

inline constexpr unsigned metadata_classes = 12;

/// A set of metadata classes; data is in none.
using ClassMask = uint16_t;

constexpr ClassMask class_bit(Writes kind) {
  return kind == Writes::data ? 0 : static_cast<ClassMask>(1U << (static_cast<unsigned>(kind) - 1));
}
inline constexpr ClassMask every_class = (1U << metadata_classes) - 1;

/// By the bit's place in a ClassMask.
struct ClassName {
  Writes kind;
  std::string_view option;  ///< as in "overlap-check.active-l1"
  std::string_view words;   ///< as in "overlaps with active L1 table"
};
inline constexpr std::array<ClassName, metadata_classes> class_names = {{
    {Writes::main_header, "main-header", "qcow2_header"},
    {Writes::active_l1, "active-l1", "active L1 table"},
    {Writes::active_l2, "active-l2", "active L2 table"},
    {Writes::refcount_block, "refcount-block", "refcount block"},
    {Writes::refcount_table, "refcount-table", "refcount table"},
    {Writes::snapshot_table, "snapshot-table", "snapshot table"},
    {Writes::inactive_l1, "inactive-l1", "inactive L1 table"},
    {Writes::inactive_l2, "inactive-l2", "inactive L2 table"},
    {Writes::bitmap_directory, "bitmap-directory", "bitmap directory"},
    {Writes::bitmap_table, "bitmap-table", "bitmap table"},
    {Writes::bitmap_data, "bitmap-data", "bitmap data"},
    {Writes::crypto_header, "crypto-header", "encryption header"},
}};

}  // namespace oxbow::format::qcow2
