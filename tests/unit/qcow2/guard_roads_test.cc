// Damaged images on which a guest's request leads to metadata, by every road through the
// engine: refused, the image marked corrupt, the metadata untouched.
#include <gtest/gtest.h>

#include "format/qcow2/bitmap_directory.h"
#include "rich_image.h"

namespace oxbow::testing {
namespace {

using namespace format::qcow2;

struct Opened {
  std::shared_ptr<storage::MemoryStorage> memory;
  std::shared_ptr<graph::Node> node;
};

Opened open(const RichImage& rich) {
  Opened out;
  out.memory = std::make_shared<storage::MemoryStorage>(rich.bytes);
  auto node = open_node(std::make_unique<storage::LentStorage>(out.memory), nullptr);
  EXPECT_TRUE(node) << node.error().message();
  if (node) out.node = std::move(*node);
  return out;
}

Result<void> write_cluster(graph::Node& node, uint64_t guest_cluster) {
  std::vector<std::byte> data(RichImage::cluster, std::byte{0x99});
  const iovec part{data.data(), data.size()};
  return loop().run(node.write(guest_cluster * RichImage::cluster, IoSpan(&part, 1)));
}

Result<void> take_snapshot(graph::Node& node) {
  Snapshot snapshot;
  snapshot.name = "three";
  return loop().run(dynamic_cast<Qcow2Image&>(node.format()).create_snapshot(std::move(snapshot)));
}

/// One way to the file. `damage` makes it lead to `place`.
struct Road {
  const char* name;
  void (*damage)(RichImage& rich, uint64_t place);
  Result<void> (*go)(graph::Node& node);
  bool looks_at_bitmaps = false;  // first, and ends there where one is damaged
};

constexpr uint64_t mapped = 5;     // a guest cluster with data of its own
constexpr uint64_t unmapped = 60;  // one in the same L2 table, without

void point_entry_in_place(RichImage& rich, uint64_t place) {
  store64(rich.bytes, rich.l2_entry_of(mapped), place | copied_flag);
}
void point_entry_shared(RichImage& rich, uint64_t place) {
  store64(rich.bytes, rich.l2_entry_of(mapped), place);
}
void count_as_free(RichImage& rich, uint64_t place) { set_refcount(rich.bytes, place, 0); }
// Room for a table of two clusters.
void count_two_as_free(RichImage& rich, uint64_t place) {
  set_refcount(rich.bytes, place, 0);
  set_refcount(rich.bytes, place + RichImage::cluster, 0);
}

const Road roads[] = {
    {"data_write", point_entry_in_place,
     [](graph::Node& node) { return write_cluster(node, mapped); }},
    {"copy_on_write", point_entry_shared,
     [](graph::Node& node) {
       Result<void> done = write_cluster(node, mapped);
       if (done) done = loop().run(node.flush());
       return done;
     }},
    {"discard", point_entry_in_place,
     [](graph::Node& node) {
       Result<void> done = loop().run(node.discard(mapped * 512, 512));
       if (done) done = loop().run(node.flush());
       return done;
     }},
    {"zero_write_that_unmaps", point_entry_in_place,
     [](graph::Node& node) {
       graph::ZeroFlags flags;
       flags.may_unmap = true;
       Result<void> done = loop().run(node.write_zeroes(mapped * 512, 512, flags));
       if (done) done = loop().run(node.flush());
       return done;
     }},
    {"allocated_data", count_as_free,
     [](graph::Node& node) { return write_cluster(node, unmapped); }},
    {"new_l2_table", count_as_free, [](graph::Node& node) { return write_cluster(node, 300); }},
    {"moved_l1_table", count_two_as_free,
     [](graph::Node& node) {
       return loop().run(
           node.resize(66 * RichImage::l2_covers, storage::Preallocation::off, false));
     },
     true},
    {"l1_table_moved_by_a_vm_state", count_two_as_free,
     [](graph::Node& node) {
       std::byte byte{};
       const iovec part{&byte, 1};
       return loop().run(node.write_vm_state(66 * RichImage::l2_covers, IoSpan(&part, 1)));
     }},
    {"new_snapshot", count_as_free, take_snapshot},
};

bool is_of_bitmaps(Writes kind) {
  return kind == Writes::bitmap_directory || kind == Writes::bitmap_table ||
         kind == Writes::bitmap_data;
}

class GuardRoads : public ::testing::TestWithParam<std::tuple<ClassName, Road>> {};

TEST_P(GuardRoads, lead_nowhere) {
  const auto& [kind, road] = GetParam();
  RichImage rich;
  const uint64_t place = rich.place.at(kind.kind);
  // An L2 entry cannot point at the header: offset 0 means "no cluster".
  const bool by_entry = road.damage == point_entry_in_place || road.damage == point_entry_shared;
  if (place == 0 && by_entry) GTEST_SKIP();
  road.damage(rich, place);
  const std::vector<std::byte> before = rich.contents(place);
  Opened opened = open(rich);
  ASSERT_TRUE(opened.node);
  const Result<void> done = road.go(*opened.node);
  ASSERT_FALSE(done);
  if (road.looks_at_bitmaps && is_of_bitmaps(kind.kind)) {
    rich.bytes = opened.memory->bytes();
    std::vector<std::byte> expected = before;
    // The bitmap is in use from the moment on at which the disk may grow.
    if (kind.kind == Writes::bitmap_directory) expected[15] |= std::byte{1};
    EXPECT_EQ(rich.contents(place), expected);
    return;
  }
  EXPECT_EQ(done.error().as_errno(), EIO) << done.error().message();
  EXPECT_FALSE(write_cluster(*opened.node, mapped + 1)) << "writing goes on";
  std::byte byte;
  const iovec part{&byte, 1};
  EXPECT_TRUE(loop().run(opened.node->read(0, IoSpan(&part, 1)))) << "reading does not";
  (void)loop().run(opened.node->close());

  RichImage after = rich;
  after.bytes = opened.memory->bytes();
  std::vector<std::byte> expected = before;
  if (kind.kind == Writes::main_header) {
    expected[header_offset_incompatible + 7] |= std::byte{incompatible_corrupt};
  }
  std::vector<std::byte> found = after.contents(place);
  if (kind.kind == Writes::bitmap_directory) {
    // A disk that is going to change its size marks its bitmaps first.
    expected[15] |= std::byte{bitmap_in_use};
    found[15] |= std::byte{bitmap_in_use};
  }
  // A block that counts itself or its neighbours may have been counting on; no more than that.
  if (kind.kind != Writes::refcount_block && kind.kind != Writes::active_l2 &&
      kind.kind != Writes::active_l1) {
    EXPECT_EQ(found, expected);
  }
  EXPECT_NE(load64(after.bytes, header_offset_incompatible) & incompatible_corrupt, 0u);
  EXPECT_NE(after.contents(place), std::vector<std::byte>(512, std::byte{0x99}));
}

INSTANTIATE_TEST_SUITE_P(All, GuardRoads,
                         ::testing::Combine(::testing::ValuesIn(class_names),
                                            ::testing::ValuesIn(roads)),
                         [](const auto& info) {
                           std::string name(std::get<0>(info.param).option);
                           std::ranges::replace(name, '-', '_');
                           return name + "_by_" + std::get<1>(info.param).name;
                         });

// A cluster that may be in use elsewhere too, or be handed out again, though its L2 entry says
// that nobody else has it.
class RefcountTruth : public ::testing::TestWithParam<uint16_t> {};

TEST_P(RefcountTruth, write_in_place_of_a_cluster_with_another_count_is_refused) {
  RichImage rich;
  const uint64_t entry = rich.l2_entry_of(mapped);
  const uint64_t place = load64(rich.bytes, entry) & l2_offset_mask;
  store64(rich.bytes, entry, place | copied_flag);
  set_refcount(rich.bytes, place, GetParam());
  const std::vector<std::byte> before = rich.contents(place);
  Opened opened = open(rich);
  ASSERT_TRUE(opened.node);
  // A release brings the counts into memory, and unlike an allocation it takes no free cluster.
  ASSERT_TRUE(loop().run(opened.node->discard((mapped + 1) * RichImage::cluster, 512)));
  ASSERT_TRUE(loop().run(opened.node->flush()));
  const Result<void> done = write_cluster(*opened.node, mapped);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "Preventing invalid write on cluster " +
                                        std::to_string(place / RichImage::cluster) +
                                        " with a refcount of " + std::to_string(GetParam()));
  (void)loop().run(opened.node->close());
  RichImage after = rich;
  after.bytes = opened.memory->bytes();
  EXPECT_EQ(after.contents(place), before);
  EXPECT_NE(load64(after.bytes, header_offset_incompatible) & incompatible_corrupt, 0u);
}

INSTANTIATE_TEST_SUITE_P(Counts, RefcountTruth, ::testing::Values(0, 2),
                         [](const auto& info) { return "of_" + std::to_string(info.param); });

}  // namespace
}  // namespace oxbow::testing
