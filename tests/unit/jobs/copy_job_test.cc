// The copy job over formats in memory: what is read, what is written, in which order, and
// what becomes of errors.
#include "jobs/copy_job.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "plain_format.h"

namespace oxbow::jobs {
namespace {

class CopyJobTest : public ::testing::Test {
 protected:
  CopyJobTest() { options_.target_is_zero = true; }

  Result<void> copy(std::initializer_list<const PlainNode*> sources, const PlainNode& target) {
    std::vector<std::shared_ptr<graph::Node>> nodes;
    for (const PlainNode* source : sources) nodes.push_back(source->node);
    CopyJob job(nodes, target.node, options_);
    return async::Loop::current_thread().run(job.run());
  }
  static std::vector<Done> only(const PlainNode& node, char what) {
    std::vector<Done> some;
    for (const Done& one : node.format->done) {
      if (one.what == what) some.push_back(one);
    }
    return some;
  }
  static bool in_order(const std::vector<Done>& list) {
    return std::ranges::is_sorted(list, {}, &Done::offset);
  }

  CopyOptions options_;
};

TEST_F(CopyJobTest, HolesAreNeitherReadNorWritten) {
  PlainNode source(64 * mib), target(64 * mib);
  source.fill(10 * mib, 128 * kib, 7);
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(source.format->done, (std::vector<Done>{{'r', 10 * mib, 128 * kib}}));
  EXPECT_EQ(target.format->done, (std::vector<Done>{{'w', 10 * mib, 128 * kib}}));
  EXPECT_EQ(source.contents(), target.contents());
}

TEST_F(CopyJobTest, ZeroBytesInDataAreLeftOut) {
  PlainNode source(4 * mib), target(4 * mib);
  source.fill(0, 64 * kib, 1);
  source.fill(64 * kib, 64 * kib, 0);
  source.fill(128 * kib, 64 * kib, 2);
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(target.format->done,
            (std::vector<Done>{{'w', 0, 64 * kib}, {'w', 128 * kib, 64 * kib}}));
  EXPECT_EQ(source.contents(), target.contents());
}

TEST_F(CopyJobTest, ZeroesAreWrittenToATargetThatMayHoldSomething) {
  options_.target_is_zero = false;
  PlainNode source(8 * mib), target(8 * mib);
  target.fill(0, 8 * mib, 9);
  source.fill(3 * mib, 4 * kib, 1);
  source.fill(3 * mib + 4 * kib, 4 * kib, 0);
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(source.contents(), target.contents());
  EXPECT_EQ(only(target, 'w'), (std::vector<Done>{{'w', 3 * mib, 4 * kib}}));
}

TEST_F(CopyJobTest, SparseSizeZeroWritesEveryByte) {
  options_.sparse_size = 0;
  PlainNode source(5 * mib), target(5 * mib);
  source.fill(mib, 4 * kib, 1);
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(target.format->bytes().allocated(), 5 * mib);
  EXPECT_EQ(source.contents(), target.contents());
}

TEST_F(CopyJobTest, SourcesFollowEachOtherInWholeSectors) {
  PlainNode first(1000, 0), second(3 * mib, 0), target(1024 + 3 * mib, 0);
  first.fill(0, 1000, 1);
  second.fill(0, 3 * mib, 2);
  ASSERT_TRUE(copy({&first, &second}, target));
  const auto bytes = target.contents();
  EXPECT_EQ(bytes[999], std::byte{1});
  EXPECT_EQ(bytes[1000], std::byte{0});
  EXPECT_EQ(bytes[1023], std::byte{0});
  EXPECT_EQ(bytes[1024], std::byte{2});
  EXPECT_EQ(bytes.back(), std::byte{2});
}

TEST_F(CopyJobTest, WritesBeginInGuestOrderHoweverReadsEnd) {
  for (const uint32_t cluster : {0u, 512u, 65536u}) {
    PlainNode source(40 * mib, cluster), target(40 * mib, cluster);
    source.fill(0, 40 * mib, 3);
    source.format->shuffle = true;
    ASSERT_TRUE(copy({&source}, target));
    EXPECT_FALSE(in_order(only(source, 'r')));
    EXPECT_TRUE(in_order(only(target, 'w'))) << cluster;
    EXPECT_EQ(source.contents(), target.contents());
  }
}

TEST_F(CopyJobTest, SmallClustersAreWrittenOneRequestAfterTheOther) {
  PlainNode source(20 * mib, 512), target(20 * mib, 512), large(20 * mib, 65536);
  source.fill(0, 20 * mib, 3);
  ASSERT_TRUE(copy({&source}, target));
  ASSERT_TRUE(copy({&source}, large));
  EXPECT_EQ(target.format->most_at_once, 1u);
  EXPECT_GT(large.format->most_at_once, 1u);
}

TEST_F(CopyJobTest, NoMoreRequestsThanAsked) {
  options_.parallel = 3;
  PlainNode source(40 * mib), target(40 * mib);
  source.fill(0, 40 * mib, 3);
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_LE(source.format->most_at_once, 3u);
  EXPECT_LE(target.format->most_at_once, 3u);
}

TEST_F(CopyJobTest, AReadErrorStopsTheJobAndSaysWhere) {
  PlainNode source(40 * mib), target(40 * mib);
  source.fill(0, 40 * mib, 3);
  source.format->bad_sector = 5 * mib;
  const auto done = copy({&source}, target);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "error while reading at byte 4194304: Input/output error");
  EXPECT_NE(done.error().hint().find("plain"), std::string::npos);
  EXPECT_LT(only(target, 'w').size(), 5u);
}

TEST_F(CopyJobTest, AWriteErrorStopsTheJobAndSaysWhere) {
  PlainNode source(40 * mib), target(40 * mib);
  source.fill(0, 40 * mib, 3);
  target.format->bad_write = 7 * mib;
  const auto done = copy({&source}, target);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::no_space);
  EXPECT_EQ(done.error().message(), "error while writing at byte 6291456: No space left on device");
}

TEST_F(CopyJobTest, AStatusErrorStopsTheJob) {
  PlainNode source(mib), target(mib);
  source.format->bad_map = true;
  const auto done = copy({&source}, target);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(),
            "error while reading block status at offset 0: Input/output error");
}

TEST_F(CopyJobTest, SalvageReplacesOnlyTheBadSector) {
  PlainNode source(4 * mib), target(4 * mib);
  source.fill(0, 4 * mib, 5);
  auto expected = source.contents();
  std::fill_n(expected.begin() + mib + 512, 512, std::byte{0});
  source.format->bad_sector = mib + 700;
  std::vector<std::string> warnings;
  options_.salvage = true;
  options_.warn = [&](std::string_view text) { warnings.emplace_back(text); };
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(warnings,
            (std::vector<std::string>{"error while reading offset 1049088: Input/output error"}));
  EXPECT_EQ(target.contents(), expected);
}

TEST_F(CopyJobTest, ATargetThatIsTooSmallIsRefused) {
  PlainNode source(2 * mib), target(mib);
  const auto done = copy({&source}, target);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "output file is smaller than input file");
}

TEST_F(CopyJobTest, ProgressCountsTheDataAndEndsAtAll) {
  PlainNode source(64 * mib), target(64 * mib);
  source.fill(0, 3 * mib, 1);
  source.fill(60 * mib, mib, 1);
  std::vector<std::pair<uint64_t, uint64_t>> reports;
  options_.progress.report = [&](uint64_t at, uint64_t of) { reports.emplace_back(at, of); };
  ASSERT_TRUE(copy({&source}, target));
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports.back(), std::pair(4 * mib, 4 * mib));
}

TEST_F(CopyJobTest, WhatTheSharedBackingFileSaysIsLeftAlone) {
  PlainNode base(8 * mib);
  base.fill(0, 8 * mib, 1);
  PlainNode source(8 * mib, 65536, base.node), target(8 * mib, 65536, base.node);
  source.fill(2 * mib, 64 * kib, 2);
  options_.target_has_backing = true;
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(only(target, 'w'), (std::vector<Done>{{'w', 2 * mib, 64 * kib}}));
  EXPECT_EQ(source.contents(), target.contents());
}

TEST_F(CopyJobTest, OnlyTheRangesAreCopiedAndInFull) {
  PlainNode base(8 * mib);
  base.fill(0, 8 * mib, 1);
  PlainNode source(8 * mib), target(8 * mib, 65536, base.node);
  source.fill(2 * mib, 64 * kib, 2);
  source.fill(5 * mib, 64 * kib, 3);
  options_.target_has_backing = true;
  options_.ranges = {{2 * mib + 4096, 128 * kib}, {4 * mib, 4 * kib}};
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(only(target, 'w'), (std::vector<Done>{{'w', 2 * mib + 4096, 60 * kib}}));
  EXPECT_EQ(only(target, 'z'),
            (std::vector<Done>{{'z', 2 * mib + 64 * kib, 68 * kib}, {'z', 4 * mib, 4 * kib}}));
  EXPECT_EQ(only(source, 'r'), (std::vector<Done>{{'r', 2 * mib + 4096, 60 * kib}}));
}

// The stock tool copies the top layer alone and loses what the middle one says.
TEST_F(CopyJobTest, LayersBetweenTheSourceAndTheSharedBackingFileAreCopied) {
  PlainNode base(4 * mib);
  base.fill(0, 4 * mib, 1);
  PlainNode middle(4 * mib, 65536, base.node);
  middle.fill(mib, 64 * kib, 2);
  PlainNode source(4 * mib, 65536, middle.node), target(4 * mib, 65536, base.node);
  source.fill(2 * mib, 64 * kib, 3);
  options_.target_has_backing = true;
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(only(target, 'w').size(), 2u);
  EXPECT_EQ(source.contents(), target.contents());
}

// Memory cannot copy by itself: asked to, the job reads and writes, and leaves zeroes out.
TEST_F(CopyJobTest, OffloadFallsBackToReadingAndWriting) {
  options_.kernel_copy = true;
  PlainNode source(4 * mib, 0), target(4 * mib, 0);
  source.fill(0, mib, 1);
  source.fill(mib, mib, 0);
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_EQ(source.contents(), target.contents());
}

TEST_F(CopyJobTest, ARateLimitTakesItsTime) {
  PlainNode source(8 * mib), target(8 * mib);
  source.fill(0, 8 * mib, 1);
  options_.rate_limit = 80 * mib;
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(copy({&source}, target));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(90));
}

}  // namespace
}  // namespace oxbow::jobs
