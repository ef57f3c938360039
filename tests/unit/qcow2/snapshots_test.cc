// Snapshots taken, dropped and gone back to between random guest operations, held to a byte
// array each; the guard is compared with the tables and the metadata is checked all along.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "guest_model.h"
#include "image_fixture.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Qcow2Image;
using format::qcow2::SnapshotKey;

struct Shape {
  const char* name;
  ImageShape image;
};

const Shape shapes[] = {
    {"v3_512", {.cluster_bits = 9}},
    {"v3_4k", {.cluster_bits = 12}},
    {"v2_1k", {.version = 2, .cluster_bits = 10}},
    {"rc8_512", {.cluster_bits = 9, .refcount_order = 3}},
    {"rc64_512", {.cluster_bits = 9, .refcount_order = 6}},
    {"ext_16k_backed", {.cluster_bits = 14, .extended_l2 = true, .backing_bytes = 1 << 20}},
    {"lazy_1k", {.cluster_bits = 10, .lazy_refcounts = true}},
};

class Snapshots : public ::testing::TestWithParam<Shape> {
 protected:
  Qcow2Image& engine() { return dynamic_cast<Qcow2Image&>(image.node().format()); }

  void write_some(OpSource& source, int count) {
    for (int i = 0; i < count; ++i) {
      const GuestOp op = source.next();
      const Result<void> done = image.run(apply_op(image.node(), op, buffer));
      ASSERT_TRUE(done) << done.error().message();
      model.apply(op);
    }
  }

  void take(const std::string& name) {
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    const auto done = image.run(engine().create_snapshot(std::move(snapshot)));
    ASSERT_TRUE(done) << done.error().message();
    kept.insert_or_assign(name, model);
  }
  void drop(const std::string& name) {
    const auto done = image.run(engine().delete_snapshot(name, SnapshotKey::name));
    ASSERT_TRUE(done) << done.error().message();
    kept.erase(name);
  }
  void go_back(const std::string& name) {
    const auto done = image.run(engine().apply_snapshot(name, SnapshotKey::name));
    ASSERT_TRUE(done) << done.error().message();
    model = kept.at(name);
  }

  void expect_sound() {
    image.expect_guard_exact();
    image.expect_contents(model);
    image.reopen();
    image.expect_clean();
  }

  TestImage image{GetParam().image};
  GuestModel model{image.size()};
  std::vector<std::byte> buffer = std::vector<std::byte>(4 * image.cluster_size() + 65536);
  std::map<std::string, GuestModel> kept;
};

TEST_P(Snapshots, keep_what_the_disk_held) {
  image.fill_model_from_backing(model);
  OpSource source(7, image.size(), image.cluster_size());
  std::mt19937 random(7);
  for (int round = 0; round < 24; ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(write_some(source, 25));
    const unsigned choice = random() % 10;
    if (kept.empty() || choice < 4) {
      ASSERT_NO_FATAL_FAILURE(take("s" + std::to_string(round)));
    } else {
      const auto chosen = std::next(kept.begin(), random() % kept.size());
      const std::string name = chosen->first;
      if (choice < 7) {
        ASSERT_NO_FATAL_FAILURE(go_back(name));
      } else {
        ASSERT_NO_FATAL_FAILURE(drop(name));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_sound());
    if (HasFailure()) return;
  }
  while (!kept.empty()) {
    const std::string name = kept.begin()->first;
    ASSERT_NO_FATAL_FAILURE(go_back(name));
    ASSERT_NO_FATAL_FAILURE(drop(name));
    ASSERT_NO_FATAL_FAILURE(expect_sound());
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Snapshots, ::testing::ValuesIn(shapes),
                         [](const auto& info) { return std::string(info.param.name); });

std::vector<format::qcow2::Snapshot> listed(TestImage& image) {
  auto& engine = dynamic_cast<Qcow2Image&>(image.node().format());
  auto all = loop().run(format::qcow2::read_snapshots(engine.file(), engine.header()));
  EXPECT_TRUE(all) << all.error().message();
  return all.value_or(std::vector<format::qcow2::Snapshot>());
}

// What other software keeps with a snapshot is its own.
TEST(SnapshotTable, keeps_sizes_of_VM_states_and_extra_data_through_every_operation) {
  TestImage image({.cluster_bits = 9});
  auto& engine = dynamic_cast<Qcow2Image&>(image.node().format());
  for (const char* name : {"one", "kept", "three"}) {
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    snapshot.vm_state_size = uint64_t{5} << 32;
    snapshot.vm_clock_nsec = 77;
    snapshot.icount = 4711;
    snapshot.further_extra.assign(1000, std::byte{0x5a});
    ASSERT_TRUE(image.run(engine.create_snapshot(std::move(snapshot))));
  }
  ASSERT_TRUE(image.run(engine.delete_snapshot("one", SnapshotKey::name)));
  ASSERT_TRUE(image.run(engine.apply_snapshot("three", SnapshotKey::name)));
  ASSERT_TRUE(image.run(engine.delete_snapshot("three", SnapshotKey::name)));
  const auto left = listed(image);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].name, "kept");
  EXPECT_EQ(left[0].vm_state_size, uint64_t{5} << 32);
  EXPECT_EQ(left[0].vm_clock_nsec, 77u);
  EXPECT_EQ(left[0].icount, 4711u);
  EXPECT_EQ(left[0].further_extra, std::vector<std::byte>(1000, std::byte{0x5a}));
  image.close();
  image.expect_clean();
}

TEST(ManySnapshots, are_taken_gone_back_to_and_deleted) {
  constexpr int many = 1000;
  TestImage image({.cluster_bits = 12, .refcount_order = 4, .bytes = 64 << 12});
  std::vector<std::byte> data(4096);
  const iovec part{data.data(), data.size()};
  for (int i = 0; i < many; ++i) {
    std::ranges::fill(data, std::byte(i % 251));
    ASSERT_TRUE(image.run(image.node().write((i % 64) * 4096, IoSpan(&part, 1))));
    format::qcow2::Snapshot snapshot;
    snapshot.name = std::to_string(i);
    auto& engine = dynamic_cast<Qcow2Image&>(image.node().format());
    ASSERT_TRUE(image.run(engine.create_snapshot(std::move(snapshot))));
  }
  image.reopen();
  auto& engine = dynamic_cast<Qcow2Image&>(image.node().format());
  ASSERT_EQ(listed(image).size(), size_t{many});
  for (int i = 0; i < many; i += 100) {
    ASSERT_TRUE(image.run(engine.apply_snapshot(std::to_string(i), SnapshotKey::name)));
    ASSERT_TRUE(image.run(image.node().read((i % 64) * 4096, IoSpan(&part, 1))));
    EXPECT_EQ(data, std::vector<std::byte>(4096, std::byte(i % 251)));
  }
  image.expect_guard_exact();
  for (int i = 0; i < many; ++i) {
    const std::string name = std::to_string((i * 7) % many);
    ASSERT_TRUE(image.run(engine.delete_snapshot(name, SnapshotKey::name)));
  }
  image.expect_guard_exact();
  image.close();
  image.expect_clean();
}

// Where a count has no room, nothing may have changed.
TEST(NarrowRefcounts, refuse_a_snapshot_and_stay_as_they_were) {
  TestImage image({.cluster_bits = 9, .refcount_order = 0});
  GuestModel model(image.size());
  OpSource source(3, image.size(), image.cluster_size());
  std::vector<std::byte> buffer(4 * image.cluster_size() + 65536);
  for (int i = 0; i < 40; ++i) {
    const GuestOp op = source.next();
    ASSERT_TRUE(image.run(apply_op(image.node(), op, buffer)));
    model.apply(op);
  }
  auto& engine = dynamic_cast<Qcow2Image&>(image.node().format());
  format::qcow2::Snapshot snapshot;
  snapshot.name = "one";
  const auto done = image.run(engine.create_snapshot(std::move(snapshot)));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::unsupported);
  image.expect_guard_exact();
  image.expect_contents(model);
  image.close();
  image.expect_clean();
}

}  // namespace
}  // namespace oxbow::testing
