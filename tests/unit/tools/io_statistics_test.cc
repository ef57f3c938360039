// What the io shell prints after requests; expectations were read off the stock shell.
#include <gtest/gtest.h>

#include <vector>

#include "io/statistics.h"

namespace oxbow::tools::io {
namespace {

using std::chrono::milliseconds;

TEST(HumanBytes, WholeBytesHaveNoFraction) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(1), "1 bytes");
  EXPECT_EQ(human_bytes(1023), "1023 bytes");
  EXPECT_EQ(human_bytes(752.126261), "752.126261 bytes");
}

TEST(HumanBytes, UnitsHaveThreeDigitsUnlessTheyAreZeroes) {
  EXPECT_EQ(human_bytes(1024), "1 KiB");
  EXPECT_EQ(human_bytes(1536), "1.500 KiB");
  EXPECT_EQ(human_bytes(64 << 20), "64 MiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 * 1024 * 2.125), "2.125 GiB");
  EXPECT_EQ(human_bytes(1ull << 40), "1 TiB");
}

TEST(Statistics, SayBytesPlaceTimeAndRates) {
  EXPECT_EQ(statistics({"wrote", 512, 65536, milliseconds(500)}),
            "wrote 65536/65536 bytes at offset 512\n"
            "64 KiB, 1 ops; 00.50 sec (128 KiB/sec and 2.0000 ops/sec)\n");
}

TEST(Statistics, AMinuteChangesTheFormOfTime) {
  EXPECT_EQ(statistics({"read", 0, 7320, std::chrono::seconds(7320)}),
            "read 7320/7320 bytes at offset 0\n"
            "7.148 KiB, 1 ops; 2:02:00.00 (1 bytes/sec and 0.0001 ops/sec)\n");
}

TEST(Statistics, ForMachinesAreOneLine) {
  EXPECT_EQ(statistics({"read", 0, 1000, milliseconds(250), true}),
            "1000,1,0:00:00.25,4000.000,4.000\n");
}

TEST(Dump, ShowsOffsetsHexAndLettersAndDigits) {
  std::vector<std::byte> bytes(18, std::byte{0x7e});
  bytes[0] = std::byte{'A'};
  bytes[17] = std::byte{'0'};
  testing::internal::CaptureStdout();
  print_dump(bytes, 1);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "00000001:  41 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e  A...............\n"
            "00000011:  7e 30  .0\n");
}

TEST(AllBytesAre, ComparesEveryByte) {
  std::vector<std::byte> bytes(1000, std::byte{7});
  EXPECT_TRUE(all_bytes_are(bytes, 7));
  EXPECT_FALSE(all_bytes_are(bytes, 8));
  EXPECT_TRUE(all_bytes_are({}, 8));
  for (const size_t at : {0, 1, 500, 999}) {
    bytes[at] = std::byte{9};
    EXPECT_FALSE(all_bytes_are(bytes, 7)) << at;
    bytes[at] = std::byte{7};
  }
}

}  // namespace
}  // namespace oxbow::tools::io
