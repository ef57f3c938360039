// What tests read and change in the bytes of an image, and what a guest reads of it.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "async/loop.h"
#include "base/bytes.h"
#include "graph/node.h"
#include "storage/sparse_bytes.h"

namespace oxbow::testing {

using Bytes = std::vector<std::byte>;

inline uint64_t load64(const storage::SparseBytes& bytes, uint64_t offset) {
  std::byte raw[8];
  const iovec part{raw, sizeof raw};
  bytes.read(offset, IoSpan(&part, 1));
  return load_be<uint64_t>(raw);
}
inline void store64(storage::SparseBytes& bytes, uint64_t offset, uint64_t value) {
  std::byte raw[8];
  store_be<uint64_t>(raw, value);
  const iovec part{raw, sizeof raw};
  bytes.write(offset, IoSpan(&part, 1));
}

/// Of an image with counts of 16 bits.
inline void set_refcount(storage::SparseBytes& bytes, uint64_t host_offset, uint16_t count) {
  const uint64_t cluster = uint64_t{1} << (load64(bytes, 20) >> 32);
  const uint64_t index = host_offset / cluster;
  const uint64_t per_block = cluster / 2;
  const uint64_t block = load64(bytes, load64(bytes, 48) + index / per_block * 8);
  std::byte raw[2];
  store_be<uint16_t>(raw, count);
  const iovec part{raw, sizeof raw};
  bytes.write(block + index % per_block * 2, IoSpan(&part, 1));
}

/// The whole disk.
inline Bytes read_all(graph::Node& node) {
  Bytes all(node.virtual_size());
  const iovec part{all.data(), all.size()};
  const auto done = async::Loop::current_thread().run(node.read(0, IoSpan(&part, 1)));
  EXPECT_TRUE(done) << done.error().message();
  return all;
}

}  // namespace oxbow::testing
