// Power cuts and failing writes while an image is made compact. Whatever part of the unflushed
// writes reached the disk: the disk, its VM state, each snapshot and each bitmap hold what they
// held, a check finds leaks at worst, and compacting goes on from there.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "failing_storage.h"
#include "storage/crash_states.h"
#include "whole_contents.h"

namespace oxbow::testing {
namespace {

using format::qcow2::SnapshotKey;

struct Workload {
  const char* name;
  ImageShape shape;
  bool bitmap = false;
  bool compressed = false;
};

const Workload workloads[] = {
    {"v3_512", {.cluster_bits = 9, .bytes = 40 << 10}},
    {"v2_1k", {.version = 2, .cluster_bits = 10, .bytes = 48 << 10}},
    {"rc64_512", {.cluster_bits = 9, .refcount_order = 6, .bytes = 24 << 10}},
    {"bitmap_4k", {.cluster_bits = 12, .bytes = 128 << 10}, true},
    {"compressed_4k", {.cluster_bits = 12, .bytes = 128 << 10}, true, true},
    {"ext_16k", {.cluster_bits = 14, .extended_l2 = true, .bytes = 400 << 10}, true},
};

// Deflated in one stored block each, packed one after the other behind the file's end: the second
// of two guest clusters in each table of the disk that is its own.
void add_compressed(storage::SparseBytes& bytes, const ImageShape& shape) {
  const uint64_t cluster = uint64_t{1} << shape.cluster_bits;
  const uint64_t l1 = load64(bytes, 40);
  const uint64_t table = load64(bytes, l1) & format::qcow2::l1_offset_mask;
  uint64_t at = align_up(bytes.size(), cluster) + 700;
  std::map<uint64_t, uint64_t> counts;
  for (uint64_t i = 1; i < shape.bytes / cluster; ++i) {
    if (load64(bytes, table + i * 8) != 0) continue;
    std::vector<std::byte> blob(5 + cluster, std::byte(0x40 + i));
    const auto length = static_cast<uint16_t>(cluster);
    blob[0] = std::byte{1};
    blob[1] = std::byte(length & 0xff);
    blob[2] = std::byte(length >> 8);
    blob[3] = ~blob[1];
    blob[4] = ~blob[2];
    const iovec part{blob.data(), blob.size()};
    bytes.write(at, IoSpan(&part, 1));
    const uint64_t last = at + blob.size() - 1;
    const uint64_t more = last / 512 - at / 512;
    const unsigned offset_bits = 62 - (shape.cluster_bits - 8);
    store64(bytes, table + i * 8, format::qcow2::l2_compressed_flag | more << offset_bits | at);
    const uint64_t end = (last / 512 + 1) * 512 - 1;
    for (uint64_t c = at / cluster; c <= end / cluster; ++c) ++counts[c];
    at += blob.size();
  }
  ASSERT_GT(counts.size(), 4u);
  for (const auto& [c, count] : counts) set_refcount(bytes, c * cluster, count);
}

// Holes near the beginning, and all else behind them: shared, own, zero, tables and data.
storage::SparseBytes make(const Workload& workload) {
  const uint64_t size = workload.shape.bytes;
  const uint64_t cluster = uint64_t{1} << workload.shape.cluster_bits;
  TestImage image(workload.shape);
  graph::Node& node = image.node();
  write(node, 0, size / 2, 1);
  take(node, "gone");
  write(node, 0, size / 2, 2);
  write(node, cluster, 3 * cluster, 0);
  take(node, "one");
  write(node, size / 4 - 100, size / 8, 3);
  // The same tables twice: what they name counts for both.
  take(node, "two");
  take(node, "three");
  write(node, size / 8, size / 4, 4);
  const Bytes state(3 * cluster / 2, std::byte{5});
  const iovec part{const_cast<std::byte*>(state.data()), state.size()};
  EXPECT_TRUE(loop().run(node.write_vm_state(100, IoSpan(&part, 1))));
  write(node, size / 2 + cluster, 2 * cluster, 0);
  if (workload.bitmap) {
    const auto bitmaps = loop().run(engine(node).change_bitmaps());
    EXPECT_TRUE(loop().run((*bitmaps)->add("b", 12, true)));
  }
  write(node, size / 2 - 5000, 4000, 6);
  EXPECT_TRUE(loop().run(engine(node).delete_snapshot("gone", SnapshotKey::name)));
  storage::SparseBytes bytes = image.close_and_take();
  if (workload.compressed) {
    add_compressed(bytes, workload.shape);
    const auto file = std::make_shared<storage::MemoryStorage>(bytes);
    auto opened = open_node(std::make_unique<storage::LentStorage>(file), nullptr);
    take(**opened, "with compressed data");
    EXPECT_TRUE(loop().run((*opened)->close()));
    bytes = file->bytes();
  }
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  EXPECT_EQ(found.corruptions + found.leaks + found.check_errors, 0u) << first;
  return bytes;
}

Result<CompactResult> compact(std::unique_ptr<storage::Storage> file) {
  auto node = open_node(std::move(file), nullptr);
  if (!node) return std::unexpected(node.error());
  CompactOptions options;
  options.detect_zeroes = true;
  Result<CompactResult> done = loop().run(engine(**node).compact(options));
  const Result<void> closed = loop().run((*node)->close());
  if (done && !closed) return std::unexpected(closed.error());
  return done;
}

class CompactCrash : public ::testing::TestWithParam<Workload> {};

TEST_P(CompactCrash, shortens_the_file_and_keeps_what_is_in_it) {
  const storage::SparseBytes before = make(GetParam());
  const Contents contents = contents_of(before);
  const auto file = std::make_shared<storage::MemoryStorage>(before);
  const auto done = compact(std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(done) << done.error().message();
  // With the second snapshot of compressed data everything is shared, and little moves.
  EXPECT_LE(done->size_after, done->size_before);
  if (!GetParam().compressed) {
    EXPECT_LT(done->size_after, done->size_before);
    EXPECT_GT(done->zeroed, 0u);
  }
  EXPECT_GT(done->moved, 0u);
  EXPECT_LE(done->unmoved, GetParam().compressed ? 3 * 4096u : 0u);
  EXPECT_EQ(file->bytes().size(), done->size_after);
  EXPECT_TRUE(contents_of(file->bytes()) == contents);
  std::string first;
  const CheckResult found = check_bytes(file->bytes(), &first);
  EXPECT_EQ(found.corruptions + found.leaks + found.check_errors, 0u) << first;
}

TEST_P(CompactCrash, keeps_everything_at_every_point) {
  const storage::SparseBytes before = make(GetParam());
  const Contents contents = contents_of(before);
  const auto crash = std::make_shared<storage::CrashStorage>(before);
  ASSERT_TRUE(compact(std::make_unique<storage::LentStorage>(crash)));
  storage::CrashOptions options;
  options.exhaustive = 5;
  options.samples = 40;
  options.torn = true;
  storage::CrashStates walk(crash->log(), options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    ASSERT_EQ(serious_finding(state->contents), "");
    ASSERT_TRUE(contents_of(state->contents) == contents);
    if (walk.counts().states % 16 != 0) continue;
    const auto file = std::make_shared<storage::MemoryStorage>(state->contents);
    const auto again = compact(std::make_unique<storage::LentStorage>(file));
    ASSERT_TRUE(again) << again.error().message();
    ASSERT_EQ(check_bytes(file->bytes()).leaks, 0u);
    ASSERT_TRUE(contents_of(file->bytes()) == contents);
  }
  std::printf("%zu crash states\n", size_t{walk.counts().states});
  EXPECT_GT(walk.counts().states, 20u);
}

TEST_P(CompactCrash, keeps_everything_where_a_write_fails) {
  const storage::SparseBytes before = make(GetParam());
  const Contents contents = contents_of(before);
  int failures = 0;
  for (const int os_error : {EIO, ENOSPC}) {
    for (const bool once : {true, false}) {
      for (int at = 0;; ++at) {
        SCOPED_TRACE(std::to_string(at) + (once ? " alone" : " and all later"));
        const auto memory = std::make_shared<storage::MemoryStorage>(before);
        auto failing = std::make_unique<FailingStorage>(memory, at, os_error, once);
        const auto* seen = failing.get();
        auto node = open_node(std::move(failing), nullptr);
        bool failed = !node;
        if (node) {
          CompactOptions options;
          options.detect_zeroes = true;
          const auto done = loop().run(engine(**node).compact(options));
          EXPECT_TRUE(done || done.error().kind() != ErrorKind::internal);
          failed = seen->failed();
          (void)loop().run((*node)->close());
        }
        ASSERT_EQ(serious_finding(memory->bytes()), "");
        ASSERT_TRUE(contents_of(memory->bytes()) == contents);
        if (!failed) break;
        ++failures;
      }
    }
  }
  EXPECT_GT(failures, 40);
}

INSTANTIATE_TEST_SUITE_P(Workloads, CompactCrash, ::testing::ValuesIn(workloads),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
