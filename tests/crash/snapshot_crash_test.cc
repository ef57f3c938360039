// Power cuts while snapshots are taken, dropped and gone back to. Whatever part of the
// unflushed writes reached the disk: each snapshot holds what it held when it was taken, the
// disk holds what was flushed or what the operation under way makes of it, and writing to all
// of the disk afterwards changes no snapshot.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>

#include "full_image.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using format::qcow2::SnapshotKey;

struct SnapshotWorkload {
  const char* name;
  ImageShape shape;
};

const SnapshotWorkload snapshot_workloads[] = {
    {"v3_512", {.cluster_bits = 9, .bytes = 48 << 10}},
    {"v2_1k", {.version = 2, .cluster_bits = 10, .bytes = 64 << 10}},
    {"rc64_512", {.cluster_bits = 9, .refcount_order = 6, .bytes = 32 << 10}},
    {"ext_16k", {.cluster_bits = 14, .extended_l2 = true, .bytes = 256 << 10}},
};

// What the disk held after each step, with the count of flushes that made it durable.
struct SnapshotStep {
  size_t flushes;
  Bytes disk;
};

struct SnapshotRecording {
  storage::CrashLog log;
  std::vector<SnapshotStep> steps;
  std::map<std::string, Bytes> snapshots;  // every one that ever was
};

class SnapshotRecorder {
 public:
  explicit SnapshotRecorder(const ImageShape& shape)
      : crash_(std::make_shared<storage::CrashStorage>(make_image(shape))),
        source_(11, shape.bytes, uint64_t{1} << shape.cluster_bits),
        buffer_(4 * (uint64_t{1} << shape.cluster_bits) + 65536) {
    auto node = open_node(std::make_unique<storage::LentStorage>(crash_), nullptr);
    EXPECT_TRUE(node) << node.error().message();
    node_ = std::move(*node);
    note();
  }

  void write_some() {
    for (int i = 0; i < 6; ++i) {
      GuestOp op = source_.next();
      op.kind = i % 3 == 2 ? GuestOp::Kind::zero : GuestOp::Kind::write;
      EXPECT_TRUE(loop().run(apply_op(*node_, op, buffer_)));
      EXPECT_TRUE(loop().run(node_->flush()));
      note();
    }
  }
  void take(const std::string& name) {
    recording_.snapshots[name] = read_all(*node_);
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    expect(loop().run(engine(*node_).create_snapshot(std::move(snapshot))));
  }
  void drop(const std::string& name) {
    expect(loop().run(engine(*node_).delete_snapshot(name, SnapshotKey::name)));
  }
  void go_back(const std::string& name) {
    expect(loop().run(engine(*node_).apply_snapshot(name, SnapshotKey::name)));
  }

  SnapshotRecording finish() {
    EXPECT_TRUE(loop().run(node_->close()));
    note();
    recording_.log = crash_->log();
    return std::move(recording_);
  }

 private:
  void expect(const Result<void>& done) {
    EXPECT_TRUE(done) << done.error().message();
    note();
  }
  void note() {
    if (recording_.steps.empty()) {
      recording_.steps.push_back({0, read_all(*node_)});
    } else {
      recording_.steps.push_back({crash_->flush_count(), read_all(*node_)});
    }
  }

  std::shared_ptr<storage::CrashStorage> crash_;
  OpSource source_;
  Bytes buffer_;
  std::shared_ptr<graph::Node> node_;
  SnapshotRecording recording_;
};

SnapshotRecording record(const ImageShape& shape) {
  SnapshotRecorder recorder(shape);
  recorder.write_some();
  recorder.take("one");
  recorder.write_some();
  recorder.take("two");
  recorder.write_some();
  recorder.go_back("one");
  recorder.write_some();
  recorder.drop("two");
  recorder.write_some();
  recorder.drop("one");
  recorder.write_some();
  return recorder.finish();
}

// The disk after the last step that was durable at the cut, or any later one: a step in
// between may be there in part, sector by sector.
bool explained(const SnapshotRecording& recording, size_t flushes, const Bytes& seen) {
  size_t durable = 0;
  for (size_t i = 0; i < recording.steps.size(); ++i) {
    if (recording.steps[i].flushes <= flushes) durable = i;
  }
  for (size_t at = 0; at < seen.size(); ++at) {
    bool known = false;
    for (size_t i = durable; i < recording.steps.size() && !known; ++i) {
      known = recording.steps[i].disk[at] == seen[at];
    }
    if (!known) return false;
  }
  return true;
}

void expect_snapshots(const SnapshotRecording& recording,
                      std::shared_ptr<storage::MemoryStorage> memory) {
  auto node = open_node(std::make_unique<storage::LentStorage>(memory), nullptr);
  ASSERT_TRUE(node) << node.error().message();
  const auto& header = engine(**node).header();
  auto listed = loop().run(format::qcow2::read_snapshots((*node)->format().file(), header));
  ASSERT_TRUE(listed) << listed.error().message();
  for (const auto& snapshot : *listed) {
    const auto done = loop().run(engine(**node).apply_snapshot(snapshot.name, SnapshotKey::name));
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_TRUE(recording.snapshots.contains(snapshot.name));
    ASSERT_TRUE(read_all(**node) == recording.snapshots.at(snapshot.name)) << snapshot.name;
  }
  ASSERT_TRUE(loop().run((*node)->close()));
}

void examine(const SnapshotRecording& recording, const storage::CrashState& state) {
  ASSERT_EQ(serious_finding(state.contents), "");
  const auto memory = std::make_shared<storage::MemoryStorage>(state.contents);
  auto node = open_node(std::make_unique<storage::LentStorage>(memory), nullptr);
  ASSERT_TRUE(node) << node.error().message();
  ASSERT_TRUE(explained(recording, state.flushes, read_all(**node)));
  // All of the disk is written, as far as it may be in place; then the snapshots are looked at.
  Bytes pattern((*node)->virtual_size(), std::byte{0xee});
  const iovec part{pattern.data(), pattern.size()};
  const auto written = loop().run((*node)->write(0, IoSpan(&part, 1)));
  ASSERT_TRUE(written) << written.error().message();
  ASSERT_TRUE(loop().run((*node)->close()));
  ASSERT_EQ(serious_finding(memory->bytes()), "");
  expect_snapshots(recording, memory);
  ASSERT_EQ(serious_finding(memory->bytes()), "");
}

class SnapshotCrash : public ::testing::TestWithParam<SnapshotWorkload> {};

TEST_P(SnapshotCrash, keeps_every_snapshot_and_the_disk) {
  const SnapshotRecording recording = record(GetParam().shape);
  storage::CrashOptions options;
  options.exhaustive = 5;
  options.samples = 6;
  options.torn = true;
  storage::CrashStates walk(recording.log, options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    examine(recording, *state);
    if (HasFatalFailure()) return;
  }
  std::printf("%zu crash states\n", size_t{walk.counts().states});
  EXPECT_GT(walk.counts().states, 100u);
}

// A thousand: what is cut is the taking, going back and dropping of single ones among them.
class ManySnapshotsCrash : public ::testing::Test {
 protected:
  static constexpr int many = 1000;

  ManySnapshotsCrash() {
    TestImage image({.cluster_bits = 9, .bytes = 16 << 10});
    for (int i = 0; i < many; ++i) {
      Bytes data(512, std::byte(i % 251 + 1));
      const iovec part{data.data(), data.size()};
      EXPECT_TRUE(loop().run(image.node().write(i % 32 * 512, IoSpan(&part, 1))));
      take(image.node(), std::to_string(i));
    }
    start_ = image.close_and_take();
    contents_ = contents_of(start_, {.wanted = looked_at});
  }

  // All are to be there, and of some all that they hold: those that are changed, their neighbours,
  // and a few more.
  static bool looked_at(const std::string& name) {
    return name == "20" || name == "new" || name == "499" || name == "501" || name.ends_with("77");
  }

  static void take(graph::Node& node, const std::string& name) {
    format::qcow2::Snapshot snapshot;
    snapshot.name = name;
    EXPECT_TRUE(loop().run(engine(node).create_snapshot(std::move(snapshot))));
  }

  storage::SparseBytes start_;
  Contents contents_;
};

TEST_F(ManySnapshotsCrash, keeps_all_but_the_one_that_goes) {
  const auto crash = std::make_shared<storage::CrashStorage>(start_);
  auto node = open_node(std::make_unique<storage::LentStorage>(crash), nullptr);
  ASSERT_TRUE(node);
  take(**node, "new");
  ASSERT_TRUE(loop().run(engine(**node).delete_snapshot("500", SnapshotKey::name)));
  ASSERT_TRUE(loop().run(engine(**node).apply_snapshot("20", SnapshotKey::name)));
  ASSERT_TRUE(loop().run((*node)->close()));
  storage::CrashOptions options;
  options.exhaustive = 3;
  options.samples = 2;
  options.torn = true;
  std::set<size_t> counts;
  std::set<Bytes> disks;
  storage::CrashStates walk(crash->log(), options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    ASSERT_EQ(serious_finding(state->contents), "");
    const Contents seen = contents_of(state->contents, {.wanted = looked_at});
    counts.insert(seen.snapshots.size());
    disks.insert(seen.disk);
    for (const auto& [name, disk] : contents_.snapshots) {
      const auto found = seen.snapshots.find(name);
      if (found == seen.snapshots.end() && name == "500") continue;
      ASSERT_TRUE(found != seen.snapshots.end()) << name;
      ASSERT_TRUE(found->second == disk) << name;
    }
  }
  // Before, with the new one, and without the one that goes again.
  EXPECT_EQ(counts, (std::set<size_t>{many, many + 1}));
  EXPECT_EQ(disks, (std::set<Bytes>{contents_.disk, contents_.snapshots.at("20")}));
  std::printf("%zu crash states\n", size_t{walk.counts().states});
}

INSTANTIATE_TEST_SUITE_P(Workloads, SnapshotCrash, ::testing::ValuesIn(snapshot_workloads),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
