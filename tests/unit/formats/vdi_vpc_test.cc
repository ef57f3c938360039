// What is VDI's and VHD's own.
#include "base/bytes.h"
#include "block_kinds.h"

namespace oxbow::testing {
namespace {

const BlockKind& vdi = block_kinds[0];
const BlockKind& vpc = block_kinds[2];

void put(storage::MemoryStorage& file, uint64_t offset, std::vector<uint8_t> bytes) {
  const iovec part{bytes.data(), bytes.size()};
  ASSERT_TRUE(loop().run(file.write(offset, IoSpan(&part, 1))));
}

std::string refusal(const BlockKind& kind, storage::MemoryStorage& file) {
  const auto node = open_kind(kind, std::make_unique<storage::MemoryStorage>(file.bytes()));
  return node ? "opened" : node.error().message();
}

TEST(Vdi, GivesNoBlockTwiceWhenTheCountIsBehindTheMap) {
  auto file = std::make_shared<storage::MemoryStorage>(new_image(vdi));
  auto node = open_kind(vdi, std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(write_at(**node, 0, 1000, 1));
  ASSERT_TRUE(loop().run((*node)->close()));
  put(*file, 0x184, {0});
  node = open_kind(vdi, std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(write_at(**node, 3 << 20, 1000, 2));
  EXPECT_EQ(byte_at(**node, 0), 1);
  ASSERT_TRUE(loop().run((*node)->close()));
}

TEST(Vdi, TellsTheFirstFaultOfItsHeader) {
  storage::MemoryStorage file(new_image(vdi));
  put(file, 0x1b8, {1});
  EXPECT_EQ(refusal(vdi, file), "unsupported VDI image (non-NULL parent UUID)");
  put(file, 0x168, {1});
  EXPECT_EQ(refusal(vdi, file), "unsupported VDI image (sector size 513 is not 512)");
  put(file, 0x40, {1});
  EXPECT_EQ(refusal(vdi, file), "Image not in VDI format (bad signature beda1001)");
}

TEST(Vpc, TakesTheSmallestGeometryThatHoldsTheDisk) {
  using format::vpc::geometry_of;
  EXPECT_EQ(geometry_of(20480).cylinders, 301u);
  EXPECT_EQ(geometry_of(20480).heads, 4u);
  EXPECT_EQ(geometry_of(20480).sectors, 17u);
  EXPECT_EQ(geometry_of(uint64_t{1024} * 16 * 63).total(), uint64_t{1024} * 16 * 63);
  EXPECT_EQ(geometry_of(UINT64_MAX).total(), format::vpc::max_geometry.total());
}

TEST(Vpc, SaysOfABlockThatIsWrittenThatAllOfItIsThere) {
  auto file = std::make_shared<storage::MemoryStorage>(new_image(vpc));
  auto node = open_kind(vpc, std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(write_at(**node, 0, 1000, 1));
  ASSERT_TRUE(loop().run((*node)->close()));
  constexpr uint64_t bitmap = 0x800;
  put(*file, bitmap, std::vector<uint8_t>(512));
  node = open_kind(vpc, std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(write_at(**node, 5000, 1000, 1));
  ASSERT_TRUE(loop().run((*node)->close()));
  std::vector<uint8_t> seen(512);
  const iovec part{seen.data(), seen.size()};
  ASSERT_TRUE(loop().run(file->read(bitmap, IoSpan(&part, 1))));
  EXPECT_EQ(seen, std::vector<uint8_t>(512, 0xff));
}

TEST(Vpc, RefusesWhatDiffersFromAParent) {
  storage::MemoryStorage file(new_image(vpc));
  std::vector<std::byte> footer(512);
  const iovec part{footer.data(), footer.size()};
  ASSERT_TRUE(loop().run(file.read(0, IoSpan(&part, 1))));
  store_be<uint32_t>(footer.data() + 60, 4);
  store_be(footer.data() + 64, format::vpc::checksum(footer, 64));
  ASSERT_TRUE(loop().run(file.write(0, IoSpan(&part, 1))));
  EXPECT_EQ(refusal(vpc, file),
            "'memory' is a differencing VHD: what its parent holds would read as zeroes");
}

}  // namespace
}  // namespace oxbow::testing
