// Single entries: refcounts of every width, compressed places, kinds of L2 entries.
#include "format/qcow2/layout.h"

#include <gtest/gtest.h>

#include <array>

#include "format/qcow2/reference_map.h"

namespace oxbow::format::qcow2 {
namespace {

TEST(Layout, stores_refcounts_of_every_width_without_touching_neighbours) {
  for (unsigned order = 0; order <= max_refcount_order; ++order) {
    std::array<std::byte, 512> block{};
    const uint64_t entries = block.size() * 8 >> order;
    const uint64_t most = max_refcount(order);
    for (uint64_t i = 0; i < entries; ++i) {
      store_refcount(block.data(), i, order, i % 2 == 0 ? most : i & most);
    }
    for (uint64_t i = 0; i < entries; ++i) {
      EXPECT_EQ(load_refcount(block.data(), i, order), i % 2 == 0 ? most : i & most) << order;
    }
  }
}

TEST(Layout, puts_narrow_refcounts_into_the_low_bits_first) {
  std::array<std::byte, 8> block{};
  store_refcount(block.data(), 0, 0, 1);
  store_refcount(block.data(), 9, 0, 1);
  EXPECT_EQ(block[0], std::byte{1});
  EXPECT_EQ(block[1], std::byte{2});
}

TEST(Layout, finds_compressed_places_by_cluster_size) {
  // 64 KiB clusters: 54 bits of offset, then the further sectors.
  const L2Entry entry{l2_compressed_flag | uint64_t{3} << 54 | 0x12345, 0};
  const CompressedPlace place = compressed_place(entry, 16);
  EXPECT_EQ(place.offset, 0x12345U);
  EXPECT_EQ(place.length, 4 * 512 - 0x12345 % 512);
  EXPECT_EQ(compressed_place({l2_compressed_flag | uint64_t{1} << 61, 0}, 9).length, 1024U);
}

TEST(Layout, tells_the_kinds_of_entries_apart) {
  EXPECT_EQ(kind_of({}, true), L2Kind::unallocated);
  EXPECT_EQ(kind_of({1, 0}, true), L2Kind::zero_plain);
  EXPECT_EQ(kind_of({0x10001, 0}, true), L2Kind::zero_allocated);
  EXPECT_EQ(kind_of({0x10001, 0}, false), L2Kind::normal);
  EXPECT_EQ(kind_of({copied_flag | 0x10000, 0}, true), L2Kind::normal);
  EXPECT_EQ(kind_of({l2_compressed_flag | 1, 0}, true), L2Kind::compressed);
  // Offset 0 is a place in a data file, and nowhere else.
  EXPECT_EQ(kind_of(l2_entry(copied_flag, 0, true), true), L2Kind::normal);
  EXPECT_EQ(kind_of(l2_entry(copied_flag | 1, 0, true), true), L2Kind::zero_plain);
  EXPECT_EQ(kind_of(l2_entry(copied_flag, 0, false), true), L2Kind::unallocated);
  EXPECT_EQ(l2_entry(copied_flag | 0x10000, 7, false).raw, copied_flag | 0x10000);
  EXPECT_EQ(l2_entry(copied_flag | l2_compressed_flag, 0, false).raw,
            copied_flag | l2_compressed_flag);
}

TEST(ReferenceMap, counts_beyond_a_byte_and_across_words) {
  auto map = ReferenceMap::create(10000);
  ASSERT_TRUE(map);
  map->add(60, 5000);
  for (int i = 0; i < 300; ++i) map->add(4095, 2);
  EXPECT_EQ(map->count(59), 0U);
  EXPECT_EQ(map->count(60), 1U);
  EXPECT_EQ(map->count(4095), 301U);
  EXPECT_EQ(map->count(4096), 301U);
  EXPECT_EQ(map->count(4097), 1U);
  EXPECT_EQ(map->end(), 5060U);
  EXPECT_TRUE(map->any(0, 61));
  EXPECT_FALSE(map->any(0, 60));
  EXPECT_FALSE(map->any(5060, 4940));
}

TEST(ReferenceMap, refuses_more_than_it_can_hold) {
  const auto map = ReferenceMap::create(uint64_t{1} << 50);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().kind(), ErrorKind::out_of_memory);
}

}  // namespace
}  // namespace oxbow::format::qcow2
