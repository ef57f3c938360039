// Growing images of Bochs ("redolog"), for reading: a catalog says where each extent of the disk
// lies; an extent begins with a bitmap of the sectors that it holds.
#pragma once

#include <cstdint>
#include <memory>

#include "format/opaque.h"

namespace oxbow::format::bochs {

struct Header {
  uint64_t catalog_offset = 0;   ///< bytes
  uint32_t catalog_entries = 0;  ///< one for each extent of the disk
  uint64_t bitmap_size = 0;      ///< bytes in front of an extent's data, whole sectors
  uint32_t extent_size = 0;      ///< bytes, a power of two
  uint64_t disk_size = 0;        ///< bytes, whole sectors
};

class BochsImage final : public OpaqueFormat {
 public:
  static Task<std::unique_ptr<Format>> open(std::unique_ptr<storage::Storage> file);

  [[nodiscard]] std::string name() const override { return "bochs"; }
  [[nodiscard]] Geometry geometry() const override { return {header_.disk_size, 0, 0}; }

 private:
  BochsImage(std::unique_ptr<storage::Storage> file, const Header& header)
      : OpaqueFormat(std::move(file)), header_(header) {}

  Task<> read_guest(uint64_t offset, IoSpan into) override;
  Task<> read_extent(uint64_t offset, IoSpan into);
  Task<uint32_t> catalog_entry(uint64_t index);
  Task<> zero_absent_sectors(uint64_t bitmap_offset, uint64_t inside, IoSpan into);

  Header header_;
};

}  // namespace oxbow::format::bochs
