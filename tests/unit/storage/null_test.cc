#include "storage/null.h"

#include "support.h"

namespace oxbow::storage {
namespace {

TEST(Null, IsAGibibyteThatKeepsNothing) {
  NullStorage null({});
  EXPECT_EQ(null.size(), 1 << 30);
  EXPECT_EQ(null.filename(), "null-co://");
  EXPECT_EQ(must(null.allocated_bytes()), 0);
  must(write_bytes(null, 0, pattern(100, 1)));
  EXPECT_EQ(must(read_bytes(null, 0, 100)), Bytes(100, std::byte{0xee}));  // untouched
  EXPECT_FALSE(must(null.status(0, 100)).zero);
  EXPECT_EQ(run(null.truncate(5)).error().message(), "Image format driver does not support resize");
}

TEST(Null, ReadsZeroesWhenAsked) {
  NullStorage null({.read_zeroes = true});
  EXPECT_EQ(must(read_bytes(null, 0, 100)), Bytes(100));
  EXPECT_TRUE(must(null.status(0, 100)).zero);
}

TEST(Null, TakesItsTime) {
  NullStorage null({.latency = std::chrono::milliseconds(30)});
  const auto start = std::chrono::steady_clock::now();
  must(null.flush());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(30));
}

}  // namespace
}  // namespace oxbow::storage
