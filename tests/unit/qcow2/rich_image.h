// A small image that has metadata of every class, and where each of them lies.
#pragma once

#include <map>

#include "format/qcow2/extensions.h"
#include "format/qcow2/layout.h"
#include "image_fixture.h"

namespace oxbow::testing {

using format::qcow2::Writes;

/// Clusters of 512 bytes, counts of 16 bits, two snapshots, a bitmap, room for a LUKS header.
class RichImage {
 public:
  static constexpr uint64_t cluster = 512;
  static constexpr uint64_t l2_covers = cluster / 8 * cluster;

  RichImage() {
    make_disk();
    add_extensions();
    find_places();
  }

  storage::SparseBytes bytes;
  std::map<Writes, uint64_t> place;  ///< host offset of a cluster of each class

  [[nodiscard]] std::vector<std::byte> contents(uint64_t offset) const {
    std::vector<std::byte> out(cluster);
    const iovec part{out.data(), out.size()};
    bytes.read(offset, IoSpan(&part, 1));
    return out;
  }
  /// Where the active L2 entry of a guest cluster lies.
  [[nodiscard]] uint64_t l2_entry_of(uint64_t guest_cluster) const {
    const uint64_t l1 = load64(bytes, 40);
    const uint64_t table =
        load64(bytes, l1 + guest_cluster / 64 * 8) & format::qcow2::l1_offset_mask;
    return table + guest_cluster % 64 * 8;
  }
  /// At the file's end, with a count and no reference.
  uint64_t add_cluster() {
    const uint64_t at = align_up(bytes.size(), cluster);
    std::vector<std::byte> zeroes(cluster);
    const iovec part{zeroes.data(), zeroes.size()};
    bytes.write(at, IoSpan(&part, 1));
    set_refcount(bytes, at, 1);
    return at;
  }

 private:
  void make_disk() {
    TestImage image({.cluster_bits = 9, .bytes = 256 << 10});
    auto& engine = dynamic_cast<format::qcow2::Qcow2Image&>(image.node().format());
    std::vector<std::byte> data(40 * cluster, std::byte{0x11});
    const iovec part{data.data(), data.size()};
    for (const char* name : {"one", "two"}) {
      EXPECT_TRUE(image.run(image.node().write(0, IoSpan(&part, 1))));
      format::qcow2::Snapshot snapshot;
      snapshot.name = name;
      EXPECT_TRUE(image.run(engine.create_snapshot(std::move(snapshot))));
    }
    EXPECT_TRUE(image.run(image.node().write(0, IoSpan(&part, 1))));
    bytes = image.close_and_take();
  }

  // A bitmap of one cluster of bits, and the place of an encryption header.
  void add_extensions() {
    const uint64_t directory = add_cluster();
    const uint64_t table = add_cluster();
    const uint64_t data = add_cluster();
    const uint64_t crypto = add_cluster();
    store64(bytes, table, data);
    store64(bytes, directory, table);
    store64(bytes, directory + 8, uint64_t{1} << 32);  // one entry, no flags
    store64(bytes, directory + 16, uint64_t{0x0109} << 48 | uint64_t{1} << 32);  // type, 512 B, "b"
    store64(bytes, directory + 24, uint64_t{'b'} << 56);
    store64(bytes, 112, uint64_t{format::qcow2::extension_bitmaps} << 32 | 24);
    store64(bytes, 120, uint64_t{1} << 32);
    store64(bytes, 128, 32);
    store64(bytes, 136, directory);
    store64(bytes, 144, uint64_t{format::qcow2::extension_crypto} << 32 | 16);
    store64(bytes, 152, crypto);
    store64(bytes, 160, cluster);
    store64(bytes, 168, 0);
    store64(bytes, 88, format::qcow2::autoclear_bitmaps);
    store64(bytes, 32,
            uint64_t{format::qcow2::crypt_luks} << 32 | (load64(bytes, 32) & 0xffffffff));
    place[Writes::bitmap_directory] = directory;
    place[Writes::bitmap_table] = table;
    place[Writes::bitmap_data] = data;
    place[Writes::crypto_header] = crypto;
  }

  void find_places() {
    const uint64_t snapshots = load64(bytes, 64);
    place[Writes::main_header] = 0;
    place[Writes::active_l1] = load64(bytes, 40);
    place[Writes::active_l2] = l2_entry_of(0);
    place[Writes::refcount_table] = load64(bytes, 48);
    place[Writes::refcount_block] = load64(bytes, load64(bytes, 48));
    place[Writes::snapshot_table] = snapshots;
    place[Writes::inactive_l1] = load64(bytes, snapshots);
    place[Writes::inactive_l2] =
        load64(bytes, load64(bytes, snapshots)) & format::qcow2::l1_offset_mask;
  }
};

}  // namespace oxbow::testing
