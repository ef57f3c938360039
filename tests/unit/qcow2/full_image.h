// An image with everything in it, for tests that break off what changes it.
#pragma once

#include <map>

#include "image_fixture.h"
#include "whole_contents.h"

namespace oxbow::testing {

struct FullShape {
  const char* name;
  ImageShape shape;
  bool bitmap = false;
  bool compressed = false;
};

inline const FullShape full_shapes[] = {
    {"v3_512", {.cluster_bits = 9, .bytes = 40 << 10}},
    {"v2_1k", {.version = 2, .cluster_bits = 10, .bytes = 48 << 10}},
    {"rc64_512", {.cluster_bits = 9, .refcount_order = 6, .bytes = 24 << 10}},
    {"bitmap_4k", {.cluster_bits = 12, .bytes = 128 << 10}, true},
    {"compressed_4k", {.cluster_bits = 12, .bytes = 128 << 10}, true, true},
    {"ext_16k", {.cluster_bits = 14, .extended_l2 = true, .bytes = 400 << 10}, true},
};

class FullImage {
 public:
  /// Holes near the beginning, and all else behind them: shared, own, zero, tables and data.
  static storage::SparseBytes make(const FullShape& full) {
    storage::SparseBytes bytes = FullImage(full).make_plain();
    if (full.compressed) share_compressed(bytes, full.shape);
    std::string first;
    const CheckResult found = check_bytes(bytes, &first);
    EXPECT_EQ(found.corruptions + found.leaks + found.check_errors, 0u) << first;
    return bytes;
  }

 private:
  explicit FullImage(const FullShape& full) : full_(full), image_(full.shape) {}

  storage::SparseBytes make_plain() {
    const uint64_t size = full_.shape.bytes;
    const uint64_t cluster = uint64_t{1} << full_.shape.cluster_bits;
    graph::Node& node = image_.node();
    write(node, 0, size / 2, 1);
    take(node, "gone");
    write(node, 0, size / 2, 2);
    write(node, cluster, 3 * cluster, 0);
    take(node, "one");
    write(node, size / 4 - 100, size / 8, 3);
    // The same tables twice: what they name counts for both.
    take(node, "two");
    take(node, "three");
    write(node, size / 8, size / 4, 4);
    const Bytes state(3 * cluster / 2, std::byte{5});
    const iovec part{const_cast<std::byte*>(state.data()), state.size()};
    EXPECT_TRUE(loop().run(node.write_vm_state(100, IoSpan(&part, 1))));
    write(node, size / 2 + cluster, 2 * cluster, 0);
    if (full_.bitmap) {
      const auto bitmaps = loop().run(engine(node).change_bitmaps());
      EXPECT_TRUE(loop().run((*bitmaps)->add("b", 12, true)));
    }
    write(node, size / 2 - 5000, 4000, 6);
    EXPECT_TRUE(loop().run(engine(node).delete_snapshot("gone", format::qcow2::SnapshotKey::name)));
    return image_.close_and_take();
  }

  static void share_compressed(storage::SparseBytes& bytes, const ImageShape& shape) {
    add_compressed(bytes, shape);
    const auto file = std::make_shared<storage::MemoryStorage>(bytes);
    auto opened = open_node(std::make_unique<storage::LentStorage>(file), nullptr);
    take(**opened, "with compressed data");
    EXPECT_TRUE(loop().run((*opened)->close()));
    bytes = file->bytes();
  }

  // Deflated in one stored block each, packed one after the other behind the file's end: the
  // second of two guest clusters in each table of the disk that is its own.
  static void add_compressed(storage::SparseBytes& bytes, const ImageShape& shape) {
    const uint64_t cluster = uint64_t{1} << shape.cluster_bits;
    const uint64_t l1 = load64(bytes, 40);
    const uint64_t table = load64(bytes, l1) & format::qcow2::l1_offset_mask;
    uint64_t at = align_up(bytes.size(), cluster) + 700;
    std::map<uint64_t, uint64_t> counts;
    for (uint64_t i = 1; i < shape.bytes / cluster; ++i) {
      if (load64(bytes, table + i * 8) != 0) continue;
      const std::vector<std::byte> blob = stored_block(cluster, std::byte(0x40 + i));
      const iovec part{const_cast<std::byte*>(blob.data()), blob.size()};
      bytes.write(at, IoSpan(&part, 1));
      const uint64_t last = at + blob.size() - 1;
      const uint64_t more = last / 512 - at / 512;
      const unsigned offset_bits = 62 - (shape.cluster_bits - 8);
      store64(bytes, table + i * 8, format::qcow2::l2_compressed_flag | more << offset_bits | at);
      const uint64_t end = (last / 512 + 1) * 512 - 1;
      for (uint64_t c = at / cluster; c <= end / cluster; ++c) ++counts[c];
      at += blob.size();
    }
    ASSERT_GT(counts.size(), 4u);
    for (const auto& [c, count] : counts) set_refcount(bytes, c * cluster, count);
  }

  static std::vector<std::byte> stored_block(uint64_t cluster, std::byte pattern) {
    std::vector<std::byte> blob(5 + cluster, pattern);
    const auto length = static_cast<uint16_t>(cluster);
    blob[0] = std::byte{1};
    blob[1] = std::byte(length & 0xff);
    blob[2] = std::byte(length >> 8);
    blob[3] = ~blob[1];
    blob[4] = ~blob[2];
    return blob;
  }

  const FullShape& full_;
  TestImage image_;
};

}  // namespace oxbow::testing
