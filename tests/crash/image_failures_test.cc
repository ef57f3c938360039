// Each change of the file fails in turn, once and from then on, while snapshots are taken, dropped
// and gone back to, while the disk changes its size and while a VM state is written: the disk, each
// snapshot, the VM state and each bitmap are what they were or what was asked for, a check finds
// leaks at worst, the error is told, and the image can be written to as any other.
#include <gtest/gtest.h>

#include "each_failure.h"
#include "full_image.h"
#include "stock_check.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Qcow2Image;
using format::qcow2::SnapshotKey;

struct Change {
  const char* name;
  Result<void> (*make)(graph::Node& node);
  bool taken_back = false;  ///< where one thing fails and no more, there is no trace of it
};

Result<void> resize(graph::Node& node, uint64_t bytes, bool allow_shrink) {
  return loop().run(node.resize(bytes, storage::Preallocation::off, allow_shrink));
}

const Change changes[] = {
    {"take",
     [](graph::Node& node) {
       format::qcow2::Snapshot snapshot;
       snapshot.name = "new";
       return loop().run(engine(node).create_snapshot(std::move(snapshot)));
     },
     true},
    {"drop",
     [](graph::Node& node) {
       return loop().run(engine(node).delete_snapshot("one", SnapshotKey::name));
     }},
    {"drop_shared",
     [](graph::Node& node) {
       return loop().run(engine(node).delete_snapshot("two", SnapshotKey::name));
     }},
    {"go_back",
     [](graph::Node& node) {
       return loop().run(engine(node).apply_snapshot("one", SnapshotKey::name));
     },
     true},
    {"grow", [](graph::Node& node) { return resize(node, node.virtual_size() * 5 + 1024, false); }},
    {"grow_with_tables",
     [](graph::Node& node) {
       return loop().run(
           node.resize(node.virtual_size() * 2, storage::Preallocation::metadata, false));
     }},
    {"shrink", [](graph::Node& node) { return resize(node, node.virtual_size() / 2 - 512, true); }},
    {"write_vm_state",
     [](graph::Node& node) {
       Bytes state(30000, std::byte{9});
       const iovec part{state.data(), state.size()};
       return loop().run(node.write_vm_state(0, IoSpan(&part, 1)));
     }},
};

// A VM state is written piece by piece; of all else there is only before and after.
bool in_between(const Bytes& seen, const Bytes& before, const Bytes& after) {
  if (seen.size() != before.size() || seen.size() != after.size()) return false;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] != before[i] && seen[i] != after[i]) return false;
  }
  return true;
}

// A bitmap may say too much.
bool covers_all(const DirtyRanges& seen, const DirtyRanges& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& range) {
    return std::ranges::any_of(seen, [&](const auto& one) {
      return one.first <= range.first && one.second >= range.second;
    });
  });
}

void expect_before_or_after(const Contents& seen, const Contents& before, const Contents& after) {
  EXPECT_TRUE(old_or_new(seen.disk, before.disk, after.disk));
  EXPECT_TRUE(in_between(seen.vm_state, before.vm_state, after.vm_state));
  for (const auto& [name, disk] : before.snapshots) {
    EXPECT_TRUE(seen.snapshots.contains(name) || !after.snapshots.contains(name)) << name;
  }
  for (const auto& [name, disk] : seen.snapshots) {
    const Contents& known = before.snapshots.contains(name) ? before : after;
    ASSERT_TRUE(known.snapshots.contains(name)) << name;
    EXPECT_TRUE(known.snapshots.at(name) == disk) << name;
  }
  ASSERT_EQ(seen.dirty.size(), before.dirty.size());
  const Contents& same_size = seen.disk.size() == after.disk.size() ? after : before;
  for (const auto& [name, ranges] : seen.dirty) {
    EXPECT_TRUE(!ranges || covers_all(*ranges, *same_size.dirty.at(name))) << name;
  }
}

// Whatever is written now lands on nothing that anybody else has.
void expect_usable(const storage::SparseBytes& bytes, const Contents& seen) {
  const auto memory = std::make_shared<storage::MemoryStorage>(bytes);
  const auto node = open_node(std::make_unique<storage::LentStorage>(memory), nullptr);
  ASSERT_TRUE(node) << node.error().message();
  Bytes data((*node)->virtual_size(), std::byte{0xee});
  const iovec part{data.data(), data.size()};
  const auto written = loop().run((*node)->write(0, IoSpan(&part, 1)));
  ASSERT_TRUE(written) << written.error().message();
  ASSERT_TRUE(loop().run((*node)->close()));
  EXPECT_EQ(serious_finding(memory->bytes()), "");
  const Contents now = contents_of(memory->bytes());
  EXPECT_TRUE(now.disk == data);
  EXPECT_TRUE(now.vm_state == seen.vm_state);
  EXPECT_TRUE(now.snapshots == seen.snapshots);
}

class ImageFailures : public ::testing::TestWithParam<std::tuple<FullShape, Change>> {
 protected:
  [[nodiscard]] static Result<void> run(std::unique_ptr<storage::Storage> file) {
    const auto node = open_node(std::move(file), nullptr);
    if (!node) return std::unexpected(node.error());
    const Result<void> done = std::get<Change>(GetParam()).make(**node);
    const Result<void> closed = loop().run((*node)->close());
    return done ? closed : done;
  }
};

TEST_P(ImageFailures, leave_what_was_or_what_was_asked_for) {
  const storage::SparseBytes start = FullImage::make(std::get<FullShape>(GetParam()));
  const Contents before = contents_of(start);
  const auto memory = std::make_shared<storage::MemoryStorage>(start);
  const Result<void> whole = run(std::make_unique<storage::LentStorage>(memory));
  const Contents after = contents_of(memory->bytes());
  if (!whole) {
    // Of version 2 with snapshots, or with bitmaps: refused, and nothing is touched.
    EXPECT_EQ(whole.error().as_errno(), ENOTSUP) << whole.error().message();
    EXPECT_TRUE(after == before);
    return;
  }
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    ASSERT_EQ(serious_finding(files.bytes()), "");
    if (files.chosen() && corruption_in(files.bytes()).empty()) expect_stock_agrees(files.bytes());
    const Contents seen = contents_of(files.bytes());
    expect_before_or_after(seen, before, after);
    EXPECT_TRUE(!done || seen == after);
    if (files.fails_once() && std::get<Change>(GetParam()).taken_back) {
      EXPECT_EQ(all_findings(files.bytes()), "") << (done ? "" : done.error().message());
    }
    expect_usable(files.bytes(), seen);
  };
  expect_failures_survived(
      {{start, 6}}, [](const FailingFiles& files) { return run(files.file()); }, look);
}

INSTANTIATE_TEST_SUITE_P(All, ImageFailures,
                         ::testing::Combine(::testing::ValuesIn(full_shapes),
                                            ::testing::ValuesIn(changes)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace oxbow::testing
