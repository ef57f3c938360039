// How large the file of a new qcow2 image becomes: pure arithmetic, as the stock tool has it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

/// What of the creation options has a say in the file's size.
struct MeasureShape {
  uint32_t version = 3;
  uint32_t cluster_bits = 16;
  uint32_t refcount_order = 4;
  bool extended_l2 = false;
  bool has_backing = false;
  storage::Preallocation preallocation = storage::Preallocation::off;
  uint64_t luks_bytes = 0;  ///< of the encryption header; 0: none
};

/// Reads stock -o keys; what does not matter here is not looked at. invalid_argument in the stock
/// tool's sentences for measure, which differ from those for create.
Result<MeasureShape> parse_measure_options(const std::map<std::string, std::string>& options);

/// Bytes of everything but guest data in an image whose guest clusters all have their place.
/// invalid_argument where the L1 table would exceed the format's limit.
Result<uint64_t> measure_metadata(const MeasureShape& shape, uint64_t virtual_size);

/// Bytes that a bitmap takes besides its entry in the directory, and those of the entry.
uint64_t measure_bitmap(uint64_t cluster_size, uint64_t virtual_size, uint64_t granularity);
uint64_t measure_bitmap_entry(uint64_t name_length);

}  // namespace oxbow::format::qcow2
