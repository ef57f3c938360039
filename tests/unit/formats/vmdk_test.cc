// What vmdk images have besides grains: a text, files beside the image, CIDs.
#include "format/vmdk/vmdk.h"

#include <gtest/gtest.h>

#include "block_kinds.h"
#include "codec/bzip2.h"

namespace oxbow::testing {
namespace {

using format::vmdk::find_cid;
using format::vmdk::parse_descriptor;

constexpr BlockKind vmdk_kind{"vmdk", create_vmdk, open_vmdk, 64 << 10};
constexpr const char* text =
    "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n"
    "createType=\"twoGbMaxExtentFlat\"\nparentFileNameHint=\"a b.vmdk\"\n"
    "RW 2048 FLAT \"a part.vmdk\" 16\nRDONLY 5 ZERO\n";

TEST(VmdkText, IsRead) {
  const auto found = parse_descriptor(text);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->cid, 0x12345678u);
  EXPECT_EQ(found->parent_cid, format::vmdk::no_parent);
  EXPECT_EQ(found->create_type, "twoGbMaxExtentFlat");
  EXPECT_EQ(found->parent_file, "a b.vmdk");
  ASSERT_EQ(found->extents.size(), 1u);
  EXPECT_EQ(found->extents[0].file, "a part.vmdk");
  EXPECT_EQ(found->extents[0].sectors, 2048u);
  EXPECT_EQ(found->extents[0].offset, 16u);
}

TEST(VmdkText, TellsTheLineThatIsWrong) {
  const auto found = parse_descriptor(std::string(text) + "RW 4 FLAT \"x\"\n");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(), "Invalid extent line: RW 4 FLAT \"x\"");
}

TEST(VmdkText, HasItsOwnCidNotTheParents) {
  const std::string swapped = "parentCID=ffffffff\nCID=ab\n";
  EXPECT_EQ(find_cid(swapped).offset, swapped.find("\nCID=") + 5);
  EXPECT_EQ(find_cid(swapped).length, 2u);
}

TEST(Vmdk, ChangesItsCidOnceASessionAndOnlyWhenWritten) {
  auto file = std::make_shared<storage::MemoryStorage>(new_image(vmdk_kind));
  const auto cid_of = [](graph::Node& node) {
    return dynamic_cast<format::vmdk::VmdkImage&>(node.format()).descriptor().cid;
  };
  auto node = open_kind(vmdk_kind, std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(node);
  ASSERT_EQ((*node)->format().name(), "vmdk");
  const uint32_t before = cid_of(**node);
  EXPECT_EQ(byte_at(**node, 5000), 0);
  EXPECT_EQ(cid_of(**node), before);
  ASSERT_TRUE(write_at(**node, 5000, 10, 1));
  const uint32_t after = cid_of(**node);
  EXPECT_NE(after, before);
  ASSERT_TRUE(write_at(**node, 5000, 10, 1));
  EXPECT_EQ(cid_of(**node), after);
  ASSERT_TRUE(loop().run((*node)->close()));
  auto again = open_kind(vmdk_kind, std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(again);
  EXPECT_EQ(cid_of(**again), after);
  ASSERT_TRUE(loop().run((*again)->close()));
}

TEST(Bzip2, DamageIsToldAndTooMuchIsRefused) {
  const std::array<std::byte, 8> junk{};
  std::array<std::byte, 16> plain{};
  EXPECT_EQ(codec::unbzip2(junk, plain).error().kind(), ErrorKind::corrupt);
}

}  // namespace
}  // namespace oxbow::testing
