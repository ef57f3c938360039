// Limits of I/O: what is refused, what passes at once, what waits and for how long.
#include "graph/throttle.h"

#include <gtest/gtest.h>

#include "format/raw/raw.h"
#include "graph/node_storage.h"
#include "storage/memory.h"
#include "support.h"

namespace oxbow::graph {
namespace {

TEST(LeakyBucket, WithoutALimitNothingWaits) {
  LeakyBucket bucket(ThrottleLimit{});
  bucket.fill(1e12);
  EXPECT_EQ(bucket.wait(), 0);
}

TEST(LeakyBucket, ATenthOfASecondIsFreeAndTheRestIsPaidBack) {
  LeakyBucket bucket({.average = 1000});
  bucket.fill(100);
  EXPECT_EQ(bucket.wait(), 0);
  bucket.fill(1000);
  EXPECT_DOUBLE_EQ(bucket.wait(), 1.0);
  bucket.leak(0.5);
  EXPECT_DOUBLE_EQ(bucket.wait(), 0.5);
}

TEST(LeakyBucket, ABurstMayBeFasterForItsLength) {
  LeakyBucket bucket({.average = 1000, .maximum = 2000, .length = 3});
  bucket.fill(200);
  EXPECT_EQ(bucket.wait(), 0);
  bucket.fill(2000);
  EXPECT_DOUBLE_EQ(bucket.wait(), 1.0);  // the burst's own rate
  bucket.leak(1.0);
  EXPECT_EQ(bucket.wait(), 0);
}

TEST(ThrottleLimits, ThoseThatContradictEachOtherAreRefused) {
  ThrottleLimits limits;
  limits.bps_total.average = 1;
  EXPECT_TRUE(limits.check());
  limits.bps_read.average = 1;
  EXPECT_FALSE(limits.check());
  limits.bps_read.average = 0;
  limits.iops_size = 4096;
  EXPECT_FALSE(limits.check());
}

std::shared_ptr<Node> node_of(uint64_t size) {
  auto format = storage::must(
      format::raw::RawImage::create(std::make_unique<storage::MemoryStorage>(size), {}));
  return std::make_shared<Node>(std::move(format), nullptr);
}

TEST(Throttle, ANodeWaitsForItsGroup) {
  ThrottleLimits limits;
  limits.iops_total.average = 20;
  const auto node = node_of(65536);
  node->add_throttle(std::make_shared<ThrottleGroup>(limits));
  storage::Bytes bytes(512);
  const iovec part = io_slice(std::span(bytes));
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 7; ++i) storage::must(node->read(0, IoSpan(&part, 1)));
  // Two pass at once; the bucket empties by one each 50 ms.
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(took, std::chrono::milliseconds(150));
  storage::must(node->close());
}

TEST(NodeStorage, GrowsByWritesAndReadsZeroesBeyondItsEnd) {
  NodeStorage storage(node_of(1024), "inner");
  storage::must(storage::write_bytes(storage, 4096, storage::pattern(512, 1)));
  EXPECT_EQ(storage.size(), 4608);
  EXPECT_EQ(storage::must(storage::read_bytes(storage, 4096, 512)), storage::pattern(512, 1));
  EXPECT_EQ(storage::must(storage::read_bytes(storage, 4600, 100)).size(), 100);
  EXPECT_EQ(storage::must(storage::read_bytes(storage, 99999, 10)), storage::Bytes(10));
  storage::must(storage.close());
}

}  // namespace
}  // namespace oxbow::graph
