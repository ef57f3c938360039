// Power cuts while a repair gives up what cannot be read. Whatever part of its writes reached the
// disk: what could be read is as it was, and a second repair ends where the first would have.
#include <gtest/gtest.h>

#include "image_fixture.h"
#include "snapshots_image.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Qcow2Image;

constexpr uint64_t cluster = 512;
constexpr uint64_t disk_bytes = 128 << 10;
constexpr uint64_t l2_covers = cluster / 8 * cluster;
constexpr uint64_t lost_cluster = 2;
constexpr uint64_t lost_range = 1;  // an L1 index

async::Loop& loop() { return async::Loop::current_thread(); }

void lead_nowhere(storage::SparseBytes& bytes) {
  const uint64_t l1 = load64(bytes, 40);
  const uint64_t table = load64(bytes, l1) & format::qcow2::l1_offset_mask;
  store64(bytes, table + lost_cluster * 8, format::qcow2::copied_flag | uint64_t{1} << 40);
  store64(bytes, l1 + lost_range * 8, load64(bytes, l1 + lost_range * 8) | uint64_t{1} << 40);
}

void give_up(const std::shared_ptr<storage::Storage>& file) {
  format::qcow2::Qcow2OpenOptions options;
  options.writable = true;
  options.check_only = true;
  auto image = loop().run(
      format::qcow2::open_qcow2(std::make_unique<storage::LentStorage>(file), std::move(options)));
  ASSERT_TRUE(image) << image.error().message();
  const auto done = loop().run((*image)->repair(Repair::unreadable, {}));
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_EQ(done->corruptions + done->check_errors, 0u);
  ASSERT_TRUE(loop().run((*image)->close()));
}

Bytes disk_of(const storage::SparseBytes& bytes) {
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  auto node = open_node(std::make_unique<storage::LentStorage>(file), nullptr);
  EXPECT_TRUE(node) << node.error().message();
  Bytes out = read_all(**node);
  EXPECT_TRUE(loop().run((*node)->close()));
  return out;
}

TEST(GiveUpCrash, ends_where_it_would_have_ended) {
  storage::SparseBytes bytes = make_image_with_snapshots(disk_bytes, 6);
  Bytes expected = disk_of(bytes);
  std::fill_n(expected.begin() + lost_cluster * cluster, cluster, std::byte{});
  std::fill_n(expected.begin() + lost_range * l2_covers, l2_covers, std::byte{});
  ASSERT_NE(expected, disk_of(bytes));
  lead_nowhere(bytes);
  const auto crash = std::make_shared<storage::CrashStorage>(bytes);
  give_up(crash);
  if (HasFatalFailure()) return;
  storage::CrashOptions options;
  options.exhaustive = 6;
  options.samples = 12;
  options.torn = true;
  const storage::CrashLog log = crash->log();
  storage::CrashStates walk(log, options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    const auto file = std::make_shared<storage::MemoryStorage>(state->contents);
    give_up(file);
    if (HasFatalFailure()) return;
    const CheckResult after = check_bytes(file->bytes());
    ASSERT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
    ASSERT_EQ(disk_of(file->bytes()), expected);
  }
  EXPECT_GT(walk.counts().states, 10u);
}

}  // namespace
}  // namespace oxbow::testing
