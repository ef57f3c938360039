// An image with two snapshots, shared and own clusters, and zeroes.
#pragma once

#include <algorithm>

#include "image_fixture.h"

namespace oxbow::testing {

/// Clusters of 512 bytes, so that there are many tables. The snapshots are "one" and "two".
inline storage::SparseBytes make_image_with_snapshots(uint64_t disk_bytes,
                                                      uint32_t refcount_order = 4) {
  constexpr uint64_t cluster = 512;
  TestImage image({.cluster_bits = 9, .refcount_order = refcount_order, .bytes = disk_bytes});
  auto& engine = dynamic_cast<format::qcow2::Qcow2Image&>(image.node().format());
  for (const char* name : {"one", "two", ""}) {
    for (uint64_t at = 0; at + 3 * cluster <= disk_bytes; at += 7 * cluster) {
      std::vector<std::byte> data(3 * cluster, std::byte(at / cluster + name[0]));
      const iovec part{data.data(), data.size()};
      EXPECT_TRUE(image.run(image.node().write(at, IoSpan(&part, 1))));
    }
    EXPECT_TRUE(image.run(image.node().write_zeroes(20 * cluster, 8 * cluster, {})));
    if (name[0] == 0) break;
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    EXPECT_TRUE(image.run(engine.create_snapshot(std::move(snapshot))));
  }
  return image.close_and_take();
}

}  // namespace oxbow::testing
