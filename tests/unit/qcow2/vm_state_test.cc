// The VM state: kept apart from the disk through writes, snapshots and changes of size.
#include <gtest/gtest.h>

#include "image_fixture.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Qcow2Image;
using format::qcow2::SnapshotKey;

constexpr uint64_t state_table_covers = 64 * 512;  // bytes, with clusters of 512

class VmState : public ::testing::Test {
 protected:
  void write(uint64_t offset, size_t length, int pattern) {
    std::vector<std::byte> data(length, std::byte(pattern));
    const iovec part{data.data(), data.size()};
    const auto done = image.run(image.node().write_vm_state(offset, IoSpan(&part, 1)));
    ASSERT_TRUE(done) << done.error().message();
  }
  void expect(uint64_t offset, size_t length, int pattern) {
    std::vector<std::byte> data(length, std::byte{0xaa});
    const iovec part{data.data(), data.size()};
    const auto done = image.run(image.node().read_vm_state(offset, IoSpan(&part, 1)));
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(data, std::vector<std::byte>(length, std::byte(pattern)));
  }
  void expect_disk(uint64_t offset, size_t length, int pattern) {
    std::vector<std::byte> data(length);
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE(image.run(image.node().read(offset, IoSpan(&part, 1))));
    EXPECT_EQ(data, std::vector<std::byte>(length, std::byte(pattern)));
  }
  void resize(uint64_t bytes) {
    const auto done = image.run(image.node().resize(bytes, storage::Preallocation::off, true));
    ASSERT_TRUE(done) << done.error().message();
  }
  void expect_sound() {
    image.expect_guard_exact();
    image.reopen();
    image.expect_clean();
  }

  TestImage image{{.cluster_bits = 9, .bytes = 3 * state_table_covers}};
};

TEST_F(VmState, was_never_written_and_reads_as_zeroes) { expect(5000, 3000, 0); }

TEST_F(VmState, stays_behind_a_disk_that_grows) {
  write(100, 3 * state_table_covers, 7);
  resize(5 * state_table_covers);
  expect(100, 3 * state_table_covers, 7);
  expect_disk(0, 5 * state_table_covers, 0);
  expect_sound();
  expect(100, 3 * state_table_covers, 7);
}

TEST_F(VmState, stays_behind_a_disk_that_shrinks) {
  write(100, 3 * state_table_covers, 7);
  resize(state_table_covers);
  expect(100, 3 * state_table_covers, 7);
  expect_sound();
  resize(0);
  expect(100, 3 * state_table_covers, 7);
  expect_sound();
}

TEST_F(VmState, comes_back_with_its_snapshot) {
  write(0, 2000, 7);
  auto& engine = dynamic_cast<Qcow2Image&>(image.node().format());
  format::qcow2::Snapshot snapshot;
  snapshot.name = "one";
  snapshot.vm_state_size = 2000;
  ASSERT_TRUE(image.run(engine.create_snapshot(std::move(snapshot))));
  write(1000, 70000, 8);
  expect(0, 1000, 7);
  ASSERT_TRUE(image.run(engine.apply_snapshot("one", SnapshotKey::name)));
  expect(0, 2000, 7);
  expect(2000, 70000, 0);
  expect_sound();
}

TEST_F(VmState, ends_where_offsets_end) {
  std::byte data[1]{};
  const iovec part{data, 1};
  const auto far = image.run(image.node().write_vm_state(INT64_MAX, IoSpan(&part, 1)));
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().as_errno(), EIO);
  const auto large = image.run(image.node().write_vm_state(uint64_t{1} << 50, IoSpan(&part, 1)));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().as_errno(), EFBIG);
  expect_sound();
}

}  // namespace
}  // namespace oxbow::testing
