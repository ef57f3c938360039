// Apple's disk images (UDIF, dmg), for reading.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/buffer.h"
#include "format/dmg/chunks.h"
#include "format/opaque.h"

namespace oxbow::format::dmg {

class DmgImage final : public OpaqueFormat {
 public:
  static Task<std::unique_ptr<Format>> open(std::unique_ptr<storage::Storage> file,
                                            std::function<void(std::string_view)> warn);

  [[nodiscard]] std::string name() const override { return "dmg"; }
  [[nodiscard]] Geometry geometry() const override { return {layout_.disk_size, 0, 0}; }

 private:
  DmgImage(std::unique_ptr<storage::Storage> file, Layout layout)
      : OpaqueFormat(std::move(file)), layout_(std::move(layout)) {}

  Task<> read_guest(uint64_t offset, IoSpan into) override;
  Task<> read_chunk(const Chunk& chunk, uint64_t inside, IoSpan into);
  [[nodiscard]] const Chunk* find(uint64_t offset) const;
  Task<std::shared_ptr<Buffer>> unpacked(const Chunk& chunk);

  Layout layout_;
  std::shared_ptr<Buffer> plain_;  // of the chunk that was unpacked last
  const Chunk* plain_of_ = nullptr;
};

}  // namespace oxbow::format::dmg
