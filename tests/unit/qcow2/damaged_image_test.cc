// Writing to images whose metadata lies. Each test is a damage that was once followed.
#include <gtest/gtest.h>

#include "image_fixture.h"

namespace oxbow::testing {
namespace {

constexpr uint64_t cluster = 4096;

void store(storage::SparseBytes& bytes, uint64_t offset, uint64_t value) {
  std::byte raw[8];
  store_be<uint64_t>(raw, value);
  const iovec part{raw, sizeof raw};
  bytes.write(offset, IoSpan(&part, 1));
}

uint64_t load(const storage::SparseBytes& bytes, uint64_t offset) {
  std::byte raw[8];
  const iovec part{raw, sizeof raw};
  bytes.read(offset, IoSpan(&part, 1));
  return load_be<uint64_t>(raw);
}

class DamagedImage : public ::testing::Test {
 protected:
  // Writes the first cluster of the disk, then zeroes the first sector.
  Result<void> write() {
    memory_ = std::make_shared<storage::MemoryStorage>(bytes);
    auto node = open_node(std::make_unique<storage::LentStorage>(memory_), nullptr);
    if (!node) return std::unexpected(node.error());
    std::vector<std::byte> data(cluster, std::byte{0x5a});
    const iovec part{data.data(), data.size()};
    async::Loop& loop = async::Loop::current_thread();
    Result<void> done = loop.run((*node)->write(0, IoSpan(&part, 1)));
    if (done) done = loop.run((*node)->write_zeroes(0, 512, {}));
    if (done) done = loop.run((*node)->close());
    bytes = memory_->bytes();
    return done;
  }

  // A new image: header, refcount table, refcount block, L1 table, one cluster each.
  storage::SparseBytes bytes = make_image({.cluster_bits = 12});
  uint64_t refcount_table = load(bytes, 48);
  uint64_t l1_table = load(bytes, 40);

 private:
  std::shared_ptr<storage::MemoryStorage> memory_;
};

// The allocator gave away cluster 0 where its count was 0.
TEST_F(DamagedImage, header_is_never_allocated) {
  const uint64_t block = load(bytes, refcount_table);
  for (uint64_t at = 0; at < cluster; at += 8) store(bytes, block + at, 0);
  const uint64_t header = load(bytes, 0);
  (void)write();
  EXPECT_EQ(load(bytes, 0), header);
}

// The first refcount block was made anew, in the place of the header.
TEST_F(DamagedImage, missing_first_refcount_block_is_an_error) {
  store(bytes, refcount_table, 0);
  const uint64_t header = load(bytes, 0);
  const auto done = write();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::corrupt);
  EXPECT_EQ(load(bytes, 0), header);
}

// COPIED without an offset was taken for a table of our own, which was not there.
TEST_F(DamagedImage, copied_flag_alone_is_no_l2_table) {
  store(bytes, l1_table, uint64_t{1} << 63);
  const auto done = write();
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_NE(load(bytes, l1_table) & ~(uint64_t{1} << 63), 0u);
}

// A host offset near the limit of the format made the count of clusters take for ever.
TEST_F(DamagedImage, far_away_cluster_costs_no_time) {
  ASSERT_TRUE(write());
  const uint64_t l2_table = load(bytes, l1_table) & ~(uint64_t{1} << 63);
  store(bytes, l2_table, (uint64_t{1} << 63) | (uint64_t{1} << 55));
  (void)write();
}

}  // namespace
}  // namespace oxbow::testing
