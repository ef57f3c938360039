// Images of the compressed loop device (cloop, version 2), for reading: blocks of one size, each
// a zlib stream, and a table of their places.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "format/opaque.h"

namespace oxbow::format::cloop {

class CloopImage final : public OpaqueFormat {
 public:
  static Task<std::unique_ptr<Format>> open(std::unique_ptr<storage::Storage> file);

  [[nodiscard]] std::string name() const override { return "cloop"; }
  [[nodiscard]] Geometry geometry() const override {
    return {(places_.size() - 1) * block_size_, 0, 0};
  }

 private:
  CloopImage(std::unique_ptr<storage::Storage> file, uint32_t block_size,
             std::vector<uint64_t> places)
      : OpaqueFormat(std::move(file)), block_size_(block_size), places_(std::move(places)) {}

  Task<> read_guest(uint64_t offset, IoSpan into) override;
  Task<std::shared_ptr<Buffer>> unpacked(uint64_t index);

  uint64_t block_size_;
  std::vector<uint64_t> places_;   // of each block in the file, and of their end
  std::shared_ptr<Buffer> block_;  // the last one that was unpacked, its number
  uint64_t block_index_ = 0;
};

}  // namespace oxbow::format::cloop
