// Power cuts and failing writes while an image is made compact. Whatever part of the unflushed
// writes reached the disk: the disk, its VM state, each snapshot and each bitmap hold what they
// held, a check finds leaks at worst, and compacting goes on from there.
#include <gtest/gtest.h>

#include <cstdio>

#include "each_failure.h"
#include "full_image.h"
#include "stock_check.h"
#include "storage/crash_states.h"
#include "whole_contents.h"

namespace oxbow::testing {
namespace {

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

class CompactCrash : public ::testing::TestWithParam<FullShape> {};

TEST_P(CompactCrash, shortens_the_file_and_keeps_what_is_in_it) {
  const storage::SparseBytes before = FullImage::make(GetParam());
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
  const storage::SparseBytes before = FullImage::make(GetParam());
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
    ASSERT_EQ(corruption_in(state->contents), "");
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
  const storage::SparseBytes before = FullImage::make(GetParam());
  const Contents contents = contents_of(before);
  const auto run = [](const FailingFiles& files) -> Result<void> {
    const auto done = compact(files.file());
    return done ? Result<void>() : std::unexpected(done.error());
  };
  expect_failures_survived({{before, 10}}, run, [&](const FailingFiles& files, const auto&) {
    ASSERT_EQ(corruption_in(files.bytes()), "");
    ASSERT_TRUE(contents_of(files.bytes()) == contents);
    if (files.chosen()) expect_stock_agrees(files.bytes());
  });
}

INSTANTIATE_TEST_SUITE_P(Workloads, CompactCrash, ::testing::ValuesIn(full_shapes),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
