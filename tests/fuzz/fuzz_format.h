// What the fuzz targets over formats other than qcow2 share: a node over what was opened, walked,
// read, and written to where it can be.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "fuzz_common.h"

namespace oxbow::fuzz {

/// The fuzzer's bytes as a file.
inline std::unique_ptr<storage::Storage> file_of(const uint8_t* data, size_t size) {
  return std::make_unique<storage::MemoryStorage>(bytes_of(data, size));
}

inline void read_some(async::Loop& loop, graph::Node& node, uint64_t offset) {
  constexpr uint64_t most = 256 << 10;
  const uint64_t size = node.virtual_size();
  if (offset >= size) return;
  std::vector<std::byte> buffer(std::min(most, size - offset));
  const iovec part{buffer.data(), buffer.size()};
  (void)loop.run(node.read(offset, IoSpan(&part, 1)));
}

/// Errors are fine; crashes, hangs and memory without measure are not.
inline void use(async::Loop& loop, async::Task<std::unique_ptr<format::Format>> opening) {
  auto opened = loop.run(std::move(opening));
  if (!opened) return;
  graph::Node node(std::move(*opened), nullptr);
  const uint64_t size = node.virtual_size();
  uint64_t offset = 0;
  for (int i = 0; i < 500 && offset < size; ++i) {
    const auto status = loop.run(node.status(offset, size - offset));
    offset += status ? status->length : std::min<uint64_t>(size - offset, 64 << 10);
  }
  for (const uint64_t at : {uint64_t{0}, size / 2, size - std::min<uint64_t>(size, 3000)}) {
    read_some(loop, node, at);
  }
  if (!node.format().read_only()) write_some(loop, node);
  (void)loop.run(node.close());
}

}  // namespace oxbow::fuzz
