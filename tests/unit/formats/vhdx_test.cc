// What is VHDX's own: two headers, and a log that others wrote.
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "block_kinds.h"

namespace oxbow::testing {
namespace {

constexpr uint64_t mib = 1 << 20;
constexpr uint64_t log_offset = mib;
constexpr uint64_t bat_offset = 2 * mib;
const BlockKind& kind = block_kinds[4];

class Vhdx : public ::testing::Test {
 protected:
  void put(uint64_t offset, std::span<const std::byte> bytes) {
    const iovec part = io_slice(bytes);
    ASSERT_TRUE(loop().run(file_->write(offset, IoSpan(&part, 1))));
  }
  std::vector<std::byte> get(uint64_t offset, size_t length) {
    std::vector<std::byte> out(length);
    const iovec part{out.data(), out.size()};
    EXPECT_TRUE(loop().run(file_->read(offset, IoSpan(&part, 1))));
    return out;
  }
  // Both headers say that the log `guid` is in force.
  void set_log_guid(std::byte guid) {
    for (const uint64_t offset : {uint64_t{0x10000}, uint64_t{0x20000}}) {
      auto header = get(offset, 4096);
      std::fill_n(header.begin() + 48, 16, guid);
      store_le<uint32_t>(header.data() + 4, 0);
      store_le(header.data() + 4, crc32c(header));
      put(offset, header);
    }
  }
  // An entry that makes entry 2 of the BAT `value`.
  std::vector<std::byte> log_entry(uint64_t sequence, uint64_t value, uint32_t tail) {
    std::vector<std::byte> entry(8192);
    std::byte* raw = entry.data();
    std::memcpy(raw, "loge", 4);
    store_le<uint32_t>(raw + 8, 8192);
    store_le(raw + 12, tail);
    store_le(raw + 16, sequence);
    store_le<uint32_t>(raw + 24, 1);
    std::fill_n(entry.begin() + 32, 16, std::byte{7});
    store_le<uint64_t>(raw + 48, file_->size());
    store_le<uint64_t>(raw + 56, file_->size() + mib);
    std::memcpy(raw + 64, "desc", 4);
    store_le(raw + 64 + 16, bat_offset);
    store_le(raw + 64 + 24, sequence);
    std::memcpy(raw + 4096, "data", 4);
    store_le(raw + 4100, static_cast<uint32_t>(sequence >> 32));
    store_le(raw + 4096 + 16, value);
    store_le(raw + 8188, static_cast<uint32_t>(sequence));
    store_le(raw + 4, crc32c(entry));
    return entry;
  }
  Result<std::unique_ptr<graph::Node>> open() {
    return open_kind(kind, std::make_unique<storage::LentStorage>(file_));
  }
  uint64_t bat_entry(uint64_t index) {
    return load_le<uint64_t>(get(bat_offset + 8 * index, 8).data());
  }

  std::shared_ptr<storage::MemoryStorage> file_ =
      std::make_shared<storage::MemoryStorage>(new_image(kind));
};

TEST_F(Vhdx, ReplaysALog) {
  const uint64_t place = file_->size();
  set_log_guid(std::byte{7});
  put(log_offset, log_entry(5, place | 6, 0));
  auto node = open();
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_EQ(bat_entry(2), place | 6);
  EXPECT_EQ(file_->size(), place + mib);
  EXPECT_EQ(get(0x10030, 16), std::vector<std::byte>(16));
  const auto result = loop().run((*node)->format().check({}, Repair::none));
  EXPECT_EQ(result->corruptions_fixed, 1u);
}

TEST_F(Vhdx, DoesTheLaterOfTwoEntriesLast) {
  const uint64_t place = file_->size();
  set_log_guid(std::byte{7});
  put(log_offset, log_entry(5, 3, 0));
  put(log_offset + 8192, log_entry(6, place | 6, 0));
  ASSERT_TRUE(open());
  EXPECT_EQ(bat_entry(2), place | 6);
}

TEST_F(Vhdx, LeavesAnEntryThatIsTornOrOfAnotherLogAlone) {
  set_log_guid(std::byte{7});
  auto torn = log_entry(5, file_->size() | 6, 0);
  torn[5000] ^= std::byte{1};
  put(log_offset, torn);
  ASSERT_TRUE(open());
  EXPECT_EQ(bat_entry(2), 2u);
  set_log_guid(std::byte{8});
  put(log_offset, log_entry(5, file_->size() | 6, 0));
  ASSERT_TRUE(open());
  EXPECT_EQ(bat_entry(2), 2u);
}

TEST_F(Vhdx, FindsAnEntryThatGoesRoundTheEndOfTheLog) {
  const uint64_t place = file_->size();
  set_log_guid(std::byte{7});
  const auto entry = log_entry(5, place | 6, mib - 4096);
  put(log_offset + mib - 4096, std::span(entry).first(4096));
  put(log_offset, std::span(entry).subspan(4096));
  ASSERT_TRUE(open());
  EXPECT_EQ(bat_entry(2), place | 6);
}

TEST_F(Vhdx, RefusesALogThatWritesBehindItsFile) {
  set_log_guid(std::byte{7});
  auto entry = log_entry(5, 6, 0);
  store_le<uint64_t>(entry.data() + 64 + 16, uint64_t{1} << 46);
  store_le<uint32_t>(entry.data() + 4, 0);
  store_le(entry.data() + 4, crc32c(entry));
  put(log_offset, entry);
  const auto node = open();
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().kind(), ErrorKind::corrupt);
}

TEST_F(Vhdx, IsNotOpenedForReadingWithALogToReplay) {
  set_log_guid(std::byte{7});
  put(log_offset, log_entry(5, file_->size() | 6, 0));
  file_->set_read_only(true);
  const auto node = open();
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().message(),
            "VHDX image file 'memory' opened read-only, but contains a log that needs to be "
            "replayed");
}

TEST_F(Vhdx, GivesEachSessionThatWritesItsOwnIdentifiers) {
  const auto before = get(0x10000, 4096);
  auto node = open();
  ASSERT_TRUE(loop().run((*node)->close()));
  EXPECT_EQ(get(0x10000, 4096), before);
  node = open();
  ASSERT_TRUE(write_at(**node, 0, 10, 1));
  EXPECT_NE(get(0x10010, 16), std::vector(before.begin() + 16, before.begin() + 32));
  EXPECT_EQ(get(0x10010, 16), get(0x20010, 16));
  ASSERT_TRUE(loop().run((*node)->close()));
}

TEST_F(Vhdx, SkipsTheEntryOfABitmapAfterEachChunk) {
  auto large = std::make_shared<storage::MemoryStorage>();
  const auto options = format::vhdx::settle_create_options(
      {.size = uint64_t{5} << 30, .block_size = 1 << 20, .zero_blocks = false});
  ASSERT_TRUE(
      loop().run(format::vhdx::create(std::make_unique<storage::LentStorage>(large), *options)));
  file_ = large;
  auto node = open();
  ASSERT_TRUE(write_at(**node, uint64_t{4096} << 20, 10, 1));
  ASSERT_TRUE(loop().run((*node)->close()));
  EXPECT_EQ(bat_entry(4096), 0u);
  EXPECT_EQ(bat_entry(4097) & 7, 6u);
}

}  // namespace
}  // namespace oxbow::testing
