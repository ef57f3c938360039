// What deleting a snapshot costs, in bytes of the file read and written: it follows what the
// snapshot holds, and neither the disk nor the other snapshots.
#include <gtest/gtest.h>

#include "image_fixture.h"

namespace oxbow::testing {
namespace {

using async::Task;
using format::qcow2::Qcow2Image;
using format::qcow2::SnapshotKey;

constexpr uint64_t cost_cluster = 512;
constexpr uint64_t cost_table_covers = cost_cluster / 8 * cost_cluster;

class CountingStorage final : public storage::LentStorage {
 public:
  using LentStorage::LentStorage;

  Task<> read(uint64_t offset, IoSpan into) override {
    bytes_ += io_length(into);
    return inner_->read(offset, into);
  }
  Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    bytes_ += io_length(from);
    return inner_->write(offset, from, flags);
  }
  /// Read and written since the last call.
  uint64_t take() { return std::exchange(bytes_, 0); }

 private:
  uint64_t bytes_ = 0;
};

class Disk {
 public:
  explicit Disk(uint64_t tables) {
    const ImageShape shape{.cluster_bits = 9, .bytes = tables * cost_table_covers};
    file_ = std::make_shared<CountingStorage>(
        std::make_shared<storage::MemoryStorage>(make_image(shape)));
    open();
  }

  // All clusters of these tables get data of their own.
  void fill(uint64_t tables, int pattern) {
    Bytes data(tables * cost_table_covers, std::byte(pattern));
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE(loop().run(node_->write(0, IoSpan(&part, 1))));
  }
  void take(const std::string& name) {
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    ASSERT_TRUE(loop().run(engine().create_snapshot(std::move(snapshot))));
  }
  uint64_t table_bytes() {
    const auto list = loop().run(format::qcow2::read_snapshots(engine().file(), engine().header()));
    return list->size() * (40 + 24 + 8);  // a record, its extra data, id and name
  }
  // Bytes moved, in a session of its own.
  uint64_t cost_of_deleting(const std::string& name) {
    EXPECT_TRUE(loop().run(node_->close()));
    open();
    // The guard reads all snapshots' tables at the first change of a session.
    EXPECT_TRUE(loop().run(node_->write_zeroes(0, cost_cluster, {})));
    EXPECT_TRUE(loop().run(node_->flush()));
    (void)file_->take();
    const auto done = loop().run(engine().delete_snapshot(name, SnapshotKey::name));
    EXPECT_TRUE(done) << done.error().message();
    return file_->take();
  }

 private:
  void open() {
    auto node = open_node(std::make_unique<storage::LentStorage>(file_), nullptr);
    ASSERT_TRUE(node) << node.error().message();
    node_ = std::move(*node);
  }
  Qcow2Image& engine() { return dynamic_cast<Qcow2Image&>(node_->format()); }

  std::shared_ptr<CountingStorage> file_;
  std::shared_ptr<graph::Node> node_;
};

// Of a snapshot with one table of a disk of which so many are filled.
uint64_t cost_beside(uint64_t tables) {
  Disk disk(tables);
  disk.fill(1, 1);
  disk.take("small");
  disk.fill(tables, 2);
  return disk.cost_of_deleting("small");
}

TEST(SnapshotCost, does_not_follow_the_disk) {
  const uint64_t usual = cost_beside(64);
  const uint64_t more = cost_beside(1024) - usual;
  // The L1 table, of 8 bytes a table, is read and written; the tables of 512 bytes are not.
  EXPECT_LT(more, 960 * 100);
  Disk disk(1024);
  disk.fill(1024, 1);
  disk.take("large");
  disk.fill(1024, 2);
  EXPECT_GT(disk.cost_of_deleting("large"), usual + 1024 * cost_cluster);
}

TEST(SnapshotCost, does_not_follow_the_number_of_other_snapshots) {
  Disk disk(64);
  disk.fill(2, 1);
  for (int i = 0; i < 8; ++i) disk.take(std::to_string(i));
  const uint64_t few = disk.cost_of_deleting("4");
  const uint64_t few_listed = disk.table_bytes();
  for (int i = 8; i < 1000; ++i) disk.take(std::to_string(i));
  const uint64_t many = disk.cost_of_deleting("500");
  // The list itself is read and written anew; the counts of its clusters change, too.
  EXPECT_LT(many - few, 3 * (disk.table_bytes() - few_listed));
}

}  // namespace
}  // namespace oxbow::testing
