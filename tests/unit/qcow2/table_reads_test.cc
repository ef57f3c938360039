// How an L2 table gets into memory: whoever goes through it gets the rest at once, others the slice
// that they need, and a slice that cannot be read is in nobody's way.
#include <gtest/gtest.h>

#include "image_fixture.h"

namespace oxbow::testing {
namespace {

using async::Task;

constexpr uint64_t slice = 4096;
constexpr uint64_t slices = 16;
constexpr uint64_t slice_covers = slice / 8 << 16;
constexpr uint64_t disk = slices * slice_covers;

// Counts reads of a part of the file, of which one place may be unreadable.
class WatchedStorage final : public storage::LentStorage {
 public:
  using LentStorage::LentStorage;

  void watch(uint64_t begin, uint64_t end) { begin_ = begin, end_ = end; }
  void break_at(uint64_t place) { broken_ = place; }
  [[nodiscard]] unsigned reads() const { return reads_; }

  Task<> read(uint64_t offset, IoSpan into) override {
    const uint64_t length = io_length(into);
    if (offset >= begin_ && offset < end_) ++reads_;
    if (offset <= broken_ && broken_ - offset < length) {
      co_return fail(ErrorKind::io, "a bad sector", EIO);
    }
    co_return co_await inner_->read(offset, into);
  }

 private:
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  uint64_t broken_ = UINT64_MAX;
  unsigned reads_ = 0;
};

// A disk with one L2 table, opened anew, whose reads are watched.
class TableReads : public ::testing::Test {
 protected:
  void SetUp() override {
    TestImage image(ImageShape{.bytes = disk});
    std::vector<std::byte> data(1 << 16, std::byte{1});
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE(image.run(image.node().write(0, IoSpan(&part, 1))));
    file_ = std::make_shared<WatchedStorage>(
        std::make_shared<storage::MemoryStorage>(image.close_and_take()));
    auto node = open_node(std::make_unique<storage::LentStorage>(file_), nullptr, false);
    ASSERT_TRUE(node) << node.error().message();
    node_ = std::move(*node);
    auto& engine = dynamic_cast<format::qcow2::Qcow2Image&>(node_->format());
    const uint64_t l1 = engine.header().l1_table_offset;
    std::array<std::byte, 8> entry{};
    const iovec into{entry.data(), entry.size()};
    ASSERT_TRUE(loop().run(file_->read(l1, IoSpan(&into, 1))));
    table_ = load_be<uint64_t>(entry.data()) & format::qcow2::l1_offset_mask;
    file_->watch(table_, table_ + slices * slice);
  }

  Result<graph::NodeStatus> look_at(uint64_t part) {
    return loop().run(node_->status(part * slice_covers, slice_covers));
  }

  uint64_t table_ = 0;
  std::shared_ptr<WatchedStorage> file_;
  std::shared_ptr<graph::Node> node_;
};

TEST_F(TableReads, going_through_a_table_takes_two) {
  for (uint64_t part = 0; part < slices; ++part) ASSERT_TRUE(look_at(part));
  EXPECT_EQ(file_->reads(), 2U);
}

TEST_F(TableReads, what_is_asked_for_anywhere_takes_one_each) {
  for (uint64_t part = slices; part-- > 0;) ASSERT_TRUE(look_at(part));
  EXPECT_EQ(file_->reads(), slices);
}

TEST_F(TableReads, an_unreadable_slice_concerns_nobody_else) {
  file_->break_at(table_ + 5 * slice + 100);
  for (uint64_t part = 0; part < slices; ++part) {
    EXPECT_EQ(look_at(part).has_value(), part != 5) << part;
  }
}

}  // namespace
}  // namespace oxbow::testing
