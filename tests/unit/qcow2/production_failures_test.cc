// How other engines lost disks in production, replayed: each test is named after what happened
// there, and shows that it cannot happen here.
#include <gtest/gtest.h>

#include "async/sync.h"
#include "each_failure.h"
#include "fixed_storage.h"
#include "rich_image.h"
#include "snapshots_image.h"

namespace oxbow::testing {
namespace {

using async::Task;

constexpr uint64_t small_cluster = 512;
constexpr uint64_t disk_bytes = 96 << 10;

Result<void> write_pattern(graph::Node& node, uint64_t offset, uint64_t length, uint8_t pattern) {
  Bytes data(length, std::byte{pattern});
  const iovec part{data.data(), data.size()};
  return loop().run(node.write(offset, IoSpan(&part, 1)));
}

void expect_no_corruption(const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  EXPECT_EQ(found.corruptions + found.check_errors, 0u) << first;
}

Bytes part_of(const storage::SparseBytes& bytes, uint64_t offset, uint64_t length) {
  Bytes out(length);
  const iovec part{out.data(), out.size()};
  bytes.read(offset, IoSpan(&part, 1));
  return out;
}

// Damaged refcounts say that the header is free, and the first write is given its place.
TEST(ProductionFailures, first_writes_do_not_overwrite_the_first_cluster) {
  auto bytes = make_image({.cluster_bits = 9, .bytes = disk_bytes});
  set_refcount(bytes, 0, 0);
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  const auto node = open_over(file);
  const auto written = write_pattern(*node, 0, 4 * small_cluster, 0xee);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::corrupt);
  (void)loop().run(node->close());
  EXPECT_EQ(load64(file->bytes(), 72), format::qcow2::incompatible_corrupt);
  EXPECT_EQ(part_of(file->bytes(), 0, 72), part_of(bytes, 0, 72));
  EXPECT_EQ(part_of(file->bytes(), 80, small_cluster - 80), part_of(bytes, 80, small_cluster - 80));
}

// Damaged refcounts say that live L2 tables are free: neither guest data nor refcount blocks
// are put there, and all that could be read still can.
TEST(ProductionFailures, guest_data_and_refcount_blocks_do_not_land_on_live_l2_tables) {
  storage::SparseBytes bytes;
  {
    TestImage image({.cluster_bits = 9, .bytes = disk_bytes});
    for (uint64_t at = 0; at < disk_bytes; at += 64 * small_cluster) {
      ASSERT_TRUE(write_pattern(image.node(), at, 8 * small_cluster, 0x11));
    }
    bytes = image.close_and_take();
  }
  std::vector<uint64_t> tables;
  const uint64_t l1 = load64(bytes, 40);
  for (uint64_t i = 0; i < disk_bytes / (64 * small_cluster); ++i) {
    tables.push_back(load64(bytes, l1 + i * 8) & format::qcow2::l1_offset_mask);
    set_refcount(bytes, tables.back(), 0);
  }
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  const auto node = open_over(file);
  const Bytes before = read_all(*node);
  EXPECT_FALSE(write_pattern(*node, 20 * small_cluster, small_cluster, 0xee));
  EXPECT_EQ(read_all(*node), before);
  (void)loop().run(node->close());
  for (const uint64_t table : tables) {
    EXPECT_EQ(part_of(file->bytes(), table, small_cluster), part_of(bytes, table, small_cluster));
  }
}

// Holes are punched when the test says so. Nothing may be written to such a place meanwhile.
class LateHoles final : public storage::LentStorage {
 public:
  using LentStorage::LentStorage;

  Task<> discard(uint64_t offset, uint64_t length) override {
    const std::pair<uint64_t, uint64_t> range{offset, offset + length};
    pending.push_back(range);
    CO_TRY(co_await holes_may_be_made.wait());
    std::erase(pending, range);
    CO_TRY(co_await inner_->write_zeroes(
        offset, std::min(length, inner_->size() - std::min(offset, inner_->size())), {}));
    co_return {};
  }
  Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    for (const auto& [begin, end] : pending) {
      EXPECT_FALSE(offset < end && offset + io_length(from) > begin)
          << "written into a hole that is still to be made, at " << offset;
    }
    return inner_->write(offset, from, flags);
  }

  async::Event holes_may_be_made;
  std::vector<std::pair<uint64_t, uint64_t>> pending;
};

Task<> some_turns() {
  for (int i = 0; i < 50; ++i) CO_TRY(co_await loop().yield());
  co_return {};
}

TEST(ProductionFailures, late_hole_does_not_erase_a_cluster_that_was_allocated_since) {
  const auto memory = std::make_shared<storage::MemoryStorage>(
      make_image({.cluster_bits = 9, .bytes = disk_bytes}));
  const auto file = std::make_shared<LateHoles>(memory);
  const auto node = open_over(file);
  ASSERT_TRUE(write_pattern(*node, 0, 64 * small_cluster, 0x11));
  ASSERT_TRUE(loop().run(node->flush()));

  // Clusters are freed, their holes are late, and requests for new data, new L2 tables and
  // flushes come from several sides at once.
  int ended = 0;
  const auto count_end = [&ended](const Result<void>& done) {
    EXPECT_TRUE(done) << done.error().message();
    ++ended;
  };
  Bytes data(8 * small_cluster, std::byte{0x22});
  const iovec part{data.data(), data.size()};
  loop().spawn(node->discard(0, 32 * small_cluster), count_end);
  loop().spawn(node->flush(), count_end);
  for (uint64_t at = 64 * small_cluster; at < disk_bytes; at += 16 * small_cluster) {
    loop().spawn(node->write(at, IoSpan(&part, 1)), count_end);
    loop().spawn(node->flush(), count_end);
  }
  ASSERT_TRUE(loop().run(some_turns()));
  EXPECT_FALSE(file->pending.empty());
  file->holes_may_be_made.set();
  loop().drain();
  EXPECT_EQ(ended, 2 + 2 * 8);

  const Bytes seen = read_all(*node);
  for (uint64_t at = 0; at < disk_bytes; ++at) {
    const uint64_t index = at / small_cluster;
    const int expected = index < 32 ? 0 : index < 64 ? 0x11 : index % 16 < 8 ? 0x22 : 0;
    ASSERT_EQ(std::to_integer<int>(seen[at]), expected) << "at " << at;
  }
  ASSERT_TRUE(loop().run(node->close()));
  expect_no_corruption(memory->bytes());
}

// What each byte of the disk may be after the failure: what was flushed, and for what was not,
// that or zero. Every place is written once.
struct Expected {
  Bytes value = Bytes(disk_bytes);
  std::vector<bool> durable = std::vector<bool>(disk_bytes);
  Result<void> done;  ///< or the first that failed
};

// Allocates in each L2 table from `base` on and lets the disk grow; a request that fails is
// left, as a guest would do.
Expected work_until_done(graph::Node& node, uint64_t base = 0) {
  Expected out;
  std::vector<uint64_t> accepted;
  const auto succeeds = [&out](const Result<void>& done) {
    if (out.done) out.done = done;
    return done.has_value();
  };
  uint8_t pattern = 1;
  for (uint64_t at = 0; at + 3 * small_cluster <= disk_bytes; at += 7 * small_cluster, ++pattern) {
    std::fill_n(out.value.begin() + static_cast<long>(at), 3 * small_cluster, std::byte{pattern});
    if (succeeds(write_pattern(node, base + at, 3 * small_cluster, pattern)))
      accepted.push_back(at);
    if (pattern == 14) {
      const auto larger = base + 2 * disk_bytes;
      succeeds(loop().run(node.resize(larger, storage::Preallocation::off, false)));
    }
    if (pattern % 4 != 0 || !succeeds(loop().run(node.flush()))) continue;
    for (const uint64_t done : accepted) {
      std::fill_n(out.durable.begin() + static_cast<long>(done), 3 * small_cluster, true);
    }
  }
  return out;
}

void expect_disk(graph::Node& node, const Expected& expected, uint64_t base) {
  Bytes seen = read_all(node);
  const auto before = seen.begin() + static_cast<long>(base);
  EXPECT_EQ(std::count(seen.begin(), before, std::byte{0x77}), static_cast<long>(base));
  seen.erase(seen.begin(), before);
  for (uint64_t at = 0; at < disk_bytes; ++at) {
    const bool as_written = seen[at] == expected.value[at];
    ASSERT_TRUE(as_written || (!expected.durable[at] && seen[at] == std::byte{0})) << "at " << at;
  }
}

// What one cluster of refcount table can count, nearly: the work makes the table grow.
constexpr uint64_t nearly_full = 61 * 64 * small_cluster;

storage::SparseBytes image_with(uint64_t base) {
  TestImage image({.cluster_bits = 9, .refcount_order = 6, .bytes = base + disk_bytes});
  if (base != 0) EXPECT_TRUE(write_pattern(image.node(), 0, base, 0x77));
  return image.close_and_take();
}

// Bytes of the disk that are there before the failure.
class AllocationFailures : public ::testing::TestWithParam<uint64_t> {};

// One L1 entry that pointed at a table with refcount 0 cost a disk: the table was handed out
// again by the next open.
TEST_P(AllocationFailures, at_any_step_leave_nothing_that_the_next_open_hands_out_again) {
  const uint64_t base = GetParam();
  Expected expected;
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    const auto node = open_node(files.file(), nullptr);
    if (!node) return std::unexpected(node.error());
    expected = work_until_done(**node, base);
    return first_of({expected.done, loop().run((*node)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>&) {
    expect_no_corruption(files.bytes());
    const auto memory = std::make_shared<storage::MemoryStorage>(files.bytes());
    const auto node = open_over(memory);
    ASSERT_TRUE(node);
    expect_disk(*node, expected, base);
    const auto written = write_pattern(*node, 0, base + disk_bytes, 0xee);
    ASSERT_TRUE(written) << written.error().message();
    ASSERT_TRUE(loop().run(node->close()));
    expect_no_corruption(memory->bytes());
  };
  expect_failures_survived({{image_with(base), 50}}, run, look);
}

INSTANTIATE_TEST_SUITE_P(Bases, AllocationFailures, ::testing::Values(0, nearly_full),
                         [](const auto& info) {
                           return std::string(info.param == 0 ? "empty" : "table_grows");
                         });

// A table is linked only when its count is on disk: seen in the order of the writes.
class OrderWatch final : public storage::LentStorage {
 public:
  OrderWatch(std::shared_ptr<storage::MemoryStorage> inner, std::shared_ptr<int> links)
      : LentStorage(inner), memory_(std::move(inner)), links_(std::move(links)) {}

  Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    const uint64_t l1 = load64(memory_->bytes(), 40);
    CO_TRY(co_await inner_->write(offset, from, flags));
    if (offset < l1 + small_cluster && offset + io_length(from) > l1) expect_counted(l1);
    co_return {};
  }
  Task<> flush() override {
    flushed_ = memory_->bytes();
    return inner_->flush();
  }

 private:
  void expect_counted(uint64_t l1) {
    for (uint64_t i = 0; i < disk_bytes / (64 * small_cluster); ++i) {
      const uint64_t table = load64(memory_->bytes(), l1 + i * 8) & format::qcow2::l1_offset_mask;
      if (table == 0) continue;
      ++*links_;
      const uint64_t index = table / small_cluster;
      const uint64_t block = load64(flushed_, load64(flushed_, 48) + index / 64 * 8);
      EXPECT_NE(block, 0u);
      EXPECT_EQ(load64(flushed_, block + index % 64 * 8), 1u) << "L2 table at " << table;
    }
  }

  std::shared_ptr<storage::MemoryStorage> memory_;
  std::shared_ptr<int> links_;
  storage::SparseBytes flushed_;
};

TEST(ProductionFailures, new_table_is_published_only_when_its_count_is_on_stable_media) {
  const auto memory = std::make_shared<storage::MemoryStorage>(
      make_image({.cluster_bits = 9, .refcount_order = 6, .bytes = disk_bytes}));
  const auto links = std::make_shared<int>(0);
  const auto node = open_over(std::make_shared<OrderWatch>(memory, links));
  (void)work_until_done(*node);
  ASSERT_TRUE(loop().run(node->close()));
  EXPECT_GT(*links, 2);
}

// A device that cannot grow: what was allocated for a write that found it full is free again at
// once, and nothing leaks.
TEST(ProductionFailures, device_that_is_full_loses_nothing) {
  constexpr uint64_t device_bytes = 40 << 10;
  const auto memory = std::make_shared<storage::MemoryStorage>(
      make_image({.cluster_bits = 9, .bytes = disk_bytes}));
  const auto node = open_over(std::make_shared<FixedStorage>(memory, device_bytes));
  ASSERT_TRUE(write_pattern(*node, 0, 8 * small_cluster, 0x11));
  const auto full = write_pattern(*node, 10 * small_cluster, 50 << 10, 0x22);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind(), ErrorKind::no_space);
  ASSERT_TRUE(write_pattern(*node, 9 * small_cluster, small_cluster, 0x33));
  ASSERT_TRUE(loop().run(node->close()));
  const CheckResult found = check_bytes(memory->bytes());
  EXPECT_EQ(found.corruptions + found.leaks + found.check_errors, 0u);
  const Bytes all = read_all(*open_over(memory));
  EXPECT_EQ(all[0], std::byte{0x11});
  EXPECT_EQ(all[9 * small_cluster], std::byte{0x33});
}

}  // namespace
}  // namespace oxbow::testing
