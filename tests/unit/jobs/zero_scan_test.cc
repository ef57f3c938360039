// Zero detection against a byte-by-byte search, at every alignment.
#include "jobs/zero_scan.h"

#include <gtest/gtest.h>

#include <vector>

namespace oxbow::jobs {
namespace {

constexpr size_t longest = 300;

TEST(ZeroScan, FindsTheOnlyNonzeroByteAtEveryAlignmentAndLength) {
  std::vector<std::byte> memory(longest + 64 + 2, std::byte{0xff});
  for (size_t align = 0; align < 64; ++align) {
    for (size_t length = 0; length <= longest; length += length < 140 ? 1 : 13) {
      const std::span<std::byte> bytes(memory.data() + 1 + align, length);
      std::ranges::fill(memory, std::byte{0xff});
      std::ranges::fill(bytes, std::byte{0});
      ASSERT_TRUE(is_zero(bytes)) << align << " " << length;
      ASSERT_EQ(find_nonzero(bytes), length);
      for (size_t at = 0; at < length; ++at) {
        bytes[at] = std::byte{0x80};
        ASSERT_FALSE(is_zero(bytes)) << align << " " << length << " " << at;
        ASSERT_EQ(find_nonzero(bytes), at) << align << " " << length;
        bytes[at] = std::byte{0};
      }
    }
  }
}

TEST(ZeroScan, FindsTheFirstOfSeveral) {
  std::vector<std::byte> bytes(4096);
  bytes[4000] = std::byte{1};
  bytes[77] = std::byte{2};
  EXPECT_EQ(find_nonzero(bytes), 77u);
  EXPECT_EQ(find_nonzero(std::span(bytes).subspan(78)), 4000u - 78);
}

}  // namespace
}  // namespace oxbow::jobs
