// The compare job over formats in memory.
#include "jobs/compare_job.h"

#include <gtest/gtest.h>

#include "plain_format.h"

namespace oxbow::jobs {
namespace {

class CompareJobTest : public ::testing::Test {
 protected:
  Result<CompareResult> compare(const PlainNode& left, const PlainNode& right) {
    CompareSide one{left.node, "left"};
    CompareSide other{right.node, "right"};
    CompareJob job(std::move(one), std::move(other), options_);
    return async::Loop::current_thread().run(job.run());
  }

  CompareOptions options_;
};

TEST_F(CompareJobTest, HolesOnBothSidesAreNotRead) {
  PlainNode left(64 * mib), right(64 * mib);
  left.fill(5 * mib, 64 * kib, 1);
  right.fill(5 * mib, 64 * kib, 1);
  const auto result = compare(left, right);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->identical);
  EXPECT_EQ(left.format->done, (std::vector<Done>{{'r', 5 * mib, 64 * kib}}));
}

TEST_F(CompareJobTest, TheFirstDifferenceIsToldInSectors) {
  for (const uint64_t at : {uint64_t{0}, 511 * kib, 3 * mib + 777, 8 * mib - 1}) {
    PlainNode left(8 * mib), right(8 * mib);
    left.fill(0, 8 * mib, 1);
    right.fill(0, 8 * mib, 1);
    right.fill(at, 1, 2);
    const auto result = compare(left, right);
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->identical);
    EXPECT_EQ(result->first_difference, at / 512 * 512);
  }
}

TEST_F(CompareJobTest, StoredZeroesEqualHoles) {
  PlainNode left(8 * mib), right(8 * mib);
  left.fill(mib, 3 * mib, 0);
  const auto result = compare(left, right);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->identical);
  left.fill(3 * mib + 1000, 1, 1);
  for (const auto& other : {compare(left, right), compare(right, left)}) {
    ASSERT_TRUE(other);
    EXPECT_EQ(other->first_difference, 3 * mib + 512);
  }
}

TEST_F(CompareJobTest, ALongerImageIsAlikeWhileItsRestIsZero) {
  std::vector<std::string> warnings;
  options_.warn = [&](std::string_view text) { warnings.emplace_back(text); };
  PlainNode left(4 * mib), right(6 * mib);
  right.fill(5 * mib, 64 * kib, 0);
  auto result = compare(left, right);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->identical);
  EXPECT_TRUE(result->sizes_differ);
  EXPECT_EQ(warnings, (std::vector<std::string>{"Image size mismatch!"}));
  right.fill(5 * mib, 64 * kib, 4);
  result = compare(right, left);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->first_difference, 5 * mib);
}

TEST_F(CompareJobTest, StrictMinds) {
  options_.strict = true;
  PlainNode left(4 * mib), longer(6 * mib), stored(4 * mib);
  auto result = compare(left, longer);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->identical);
  EXPECT_FALSE(result->first_difference);
  stored.fill(mib, 64 * kib, 0);
  result = compare(left, stored);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->allocation_differs);
}

TEST_F(CompareJobTest, AReadErrorNamesTheSideAndTheStretch) {
  CompareStep step = CompareStep::block_status;
  options_.failed_step = &step;
  PlainNode left(8 * mib), right(8 * mib);
  left.fill(0, 8 * mib, 1);
  right.fill(0, 8 * mib, 1);
  right.format->bad_sector = 5 * mib;
  auto result = compare(left, right);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(),
            "Error while reading offset 4194304 of right: Input/output error");
  EXPECT_EQ(step, CompareStep::read);
  left.format->bad_map = true;
  result = compare(left, right);
  ASSERT_FALSE(result);
  EXPECT_EQ(step, CompareStep::block_status);
}

TEST_F(CompareJobTest, OddSizesEndInAPaddedSector) {
  PlainNode left(1000), right(1024);
  left.fill(0, 1000, 1);
  right.fill(0, 1000, 1);
  auto result = compare(left, right);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->identical);
  EXPECT_FALSE(result->sizes_differ);
  right.fill(1001, 1, 1);
  result = compare(left, right);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->first_difference, 512u);
}

}  // namespace
}  // namespace oxbow::jobs
