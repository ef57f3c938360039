// The rules of -S, sector by sector, against patterns whose outcome the stock tool showed.
#include "jobs/sparse_runs.h"

#include <gtest/gtest.h>

#include <string>

namespace oxbow::jobs {
namespace {

constexpr size_t sector = 512;

// 'x' a sector with data in its last byte, '0' a zero sector.
std::vector<std::byte> sectors(std::string_view pattern) {
  std::vector<std::byte> bytes(pattern.size() * sector);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == 'x') bytes[(i + 1) * sector - 1] = std::byte{1};
  }
  return bytes;
}

// 'W' for sectors that are written, '.' for those left out.
std::string drawn(const std::vector<SparseRun>& runs, uint64_t offset) {
  std::string picture;
  for (const SparseRun& run : runs) {
    EXPECT_EQ(run.offset, offset + picture.size() * sector);
    picture.append(run.length / sector, run.data ? 'W' : '.');
  }
  return picture;
}

std::string split(uint64_t sparse_sectors, std::string_view pattern, uint64_t offset_sectors = 0,
                  uint64_t run_begin_sectors = 0) {
  const auto bytes = sectors(pattern);
  std::vector<SparseRun> runs;
  SparseSplitter(sparse_sectors * sector)
      .split(bytes, offset_sectors * sector, run_begin_sectors * sector, runs);
  return drawn(runs, offset_sectors * sector);
}

TEST(SparseRuns, EverySectorCountsAtTheSmallestSize) { EXPECT_EQ(split(1, "x00xx0x"), "W..WW.W"); }

TEST(SparseRuns, BlocksAreAlignedToGuestOffsets) {
  EXPECT_EQ(split(8, "xx00000000000000x0000000"), "WWWWWWWW........WWWWWWWW");
  EXPECT_EQ(split(8, "0000x00000000000", 4, 4), "....WWWWWWWW....");
}

TEST(SparseRuns, ZeroBlocksAreLeftOut) { EXPECT_EQ(split(4, "000000000000"), "............"); }

TEST(SparseRuns, SizeZeroWritesEverything) { EXPECT_EQ(split(0, "00x0"), "WWWW"); }

// 20 sectors: blocks of 16, and 16 zero sectors between data are too few.
TEST(SparseRuns, ShortGapsAreFilledWhenTheSizeIsNoPowerOfTwo) {
  const std::string data(16, 'x');
  const std::string gap(16, '0');
  EXPECT_EQ(split(20, data + gap + data), std::string(48, 'W'));
  EXPECT_EQ(split(20, data + gap + gap + data),
            std::string(16, 'W') + std::string(32, '.') + std::string(16, 'W'));
}

TEST(SparseRuns, ShortZeroRunsAtTheEndsStayOut) {
  const std::string data(16, 'x');
  const std::string gap(16, '0');
  EXPECT_EQ(split(20, gap + data + gap),
            std::string(16, '.') + std::string(16, 'W') + std::string(16, '.'));
}

// The stock tool's buffer ends 2 MiB after the data run began: here in the middle of a
// block of 128 sectors whose second part is zero.
TEST(SparseRuns, AStepOfTheStockToolCutsABlock) {
  const uint64_t begin = 64;
  const uint64_t cut = begin + SparseSplitter::step / sector;
  const std::string picture =
      split(128, std::string(64, 'x') + std::string(64, '0'), cut - 64, begin);
  EXPECT_EQ(picture, std::string(64, 'W') + std::string(64, '.'));
}

TEST(SparseRuns, RunsAcrossPiecesAreMerged) {
  const auto bytes = sectors("xxxxxxxx");
  std::vector<SparseRun> runs;
  const SparseSplitter splitter(4096);
  splitter.split(bytes, 0, 0, runs);
  splitter.split(bytes, bytes.size(), 0, runs);
  EXPECT_EQ(runs, (std::vector<SparseRun>{{0, 2 * bytes.size(), true}}));
}

TEST(SparseRuns, OddSizesNeedTheStockSteps) {
  EXPECT_FALSE(SparseSplitter(4096).needs_stock_steps());
  EXPECT_FALSE(SparseSplitter(0).needs_stock_steps());
  EXPECT_FALSE(SparseSplitter(2 << 20).needs_stock_steps());
  EXPECT_TRUE(SparseSplitter(20 * sector).needs_stock_steps());
  EXPECT_TRUE(SparseSplitter(4 << 20).needs_stock_steps());
}

}  // namespace
}  // namespace oxbow::jobs
