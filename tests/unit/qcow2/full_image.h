// An image with everything in it, and all that anybody can read from one; for tests that break off
// what changes it.
#pragma once

#include <map>
#include <optional>

#include "bitmap_truth.h"
#include "image_fixture.h"

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

  static async::Loop& loop() { return async::Loop::current_thread(); }

  void write(uint64_t offset, uint64_t length, int pattern) {
    const Bytes data(length, std::byte(pattern));
    const iovec part{const_cast<std::byte*>(data.data()), data.size()};
    ASSERT_TRUE(loop().run(image_.node().write(offset, IoSpan(&part, 1))));
  }
  static void take(graph::Node& node, const char* name) {
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    ASSERT_TRUE(loop().run(engine(node).create_snapshot(std::move(snapshot))));
  }

  storage::SparseBytes make_plain() {
    const uint64_t size = full_.shape.bytes;
    const uint64_t cluster = uint64_t{1} << full_.shape.cluster_bits;
    graph::Node& node = image_.node();
    write(0, size / 2, 1);
    take(node, "gone");
    write(0, size / 2, 2);
    write(cluster, 3 * cluster, 0);
    take(node, "one");
    write(size / 4 - 100, size / 8, 3);
    // The same tables twice: what they name counts for both.
    take(node, "two");
    take(node, "three");
    write(size / 8, size / 4, 4);
    const Bytes state(3 * cluster / 2, std::byte{5});
    const iovec part{const_cast<std::byte*>(state.data()), state.size()};
    EXPECT_TRUE(loop().run(node.write_vm_state(100, IoSpan(&part, 1))));
    write(size / 2 + cluster, 2 * cluster, 0);
    if (full_.bitmap) {
      const auto bitmaps = loop().run(engine(node).change_bitmaps());
      EXPECT_TRUE(loop().run((*bitmaps)->add("b", 12, true)));
    }
    write(size / 2 - 5000, 4000, 6);
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

/// What a check finds that is worse than leaks, and than clusters that could be written in place
/// and are not known to be.
inline std::string serious_finding(const storage::SparseBytes& bytes) {
  async::Loop& loop = async::Loop::current_thread();
  storage::MemoryStorage file(bytes);
  const auto header = loop.run(format::qcow2::read_header(file, true));
  if (!header) return header.error().message();
  std::string serious;
  const auto checked = loop.run(format::qcow2::check(file, *header, [&](const CheckFinding& found) {
    const bool copy_only =
        found.text.find("OFLAG_COPIED") != std::string::npos && found.text.ends_with("refcount=1");
    if (found.severity == CheckFinding::Severity::error && !copy_only) serious += found.text;
  }));
  return checked ? serious : checked.error().message();
}

/// All that anybody can read from an image.
struct Contents {
  Bytes disk;
  Bytes vm_state;
  std::map<std::string, Bytes> snapshots;
  /// Ranges; of a bitmap that is not trusted nothing.
  std::map<std::string, std::optional<std::vector<std::pair<uint64_t, uint64_t>>>> dirty;

  bool operator==(const Contents&) const = default;
};

inline void read_bitmaps(format::qcow2::Qcow2Image& image, Contents& out) {
  async::Loop& loop = async::Loop::current_thread();
  for (const auto& bitmap : image.bitmaps().list()) {
    auto& ranges = out.dirty[bitmap.name];
    const auto bits = loop.run(image.bitmaps().bits_of(bitmap.name));
    if (!bits) continue;
    ranges.emplace();
    for (uint64_t at = 0; (at = (*bits)->next_set(at)) < (*bits)->size();) {
      const uint64_t end = (*bits)->next_clear(at);
      ranges->emplace_back(at, end);
      at = end;
    }
  }
}

inline Contents contents_of(const storage::SparseBytes& bytes) {
  async::Loop& loop = async::Loop::current_thread();
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  auto node = open_node(std::make_unique<storage::LentStorage>(file), nullptr, false);
  EXPECT_TRUE(node) << node.error().message();
  Contents out;
  if (!node) return out;
  out.disk = read_all(**node);
  out.vm_state.resize(100 + 40000);
  const iovec part{out.vm_state.data(), out.vm_state.size()};
  EXPECT_TRUE(loop.run((*node)->read_vm_state(0, IoSpan(&part, 1))));
  format::qcow2::Qcow2Image& image = engine(**node);
  read_bitmaps(image, out);
  const auto snapshots = loop.run(format::qcow2::read_snapshots(image.file(), image.header()));
  EXPECT_TRUE(snapshots) << snapshots.error().message();
  for (const auto& snapshot : *snapshots) {
    const auto seen = loop.run(image.view_snapshot(snapshot.id));
    EXPECT_TRUE(seen) << seen.error().message();
    out.snapshots[snapshot.name] = read_all(**node);
  }
  EXPECT_TRUE(loop.run((*node)->close()));
  return out;
}

}  // namespace oxbow::testing
