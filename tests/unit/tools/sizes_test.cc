// Sizes on the command line and in reports; expectations were read off the stock tools.
#include "sizes.h"

#include <gtest/gtest.h>

namespace oxbow::tools {
namespace {

uint64_t bytes(std::string_view text) {
  auto size = parse_size(text);
  EXPECT_TRUE(size) << text;
  return size.value_or(UINT64_MAX);
}

SizeError error(std::string_view text) {
  auto size = parse_size(text);
  EXPECT_FALSE(size) << text;
  return size ? SizeError{-1} : size.error();
}

TEST(ParseSize, SuffixesArePowersOf1024InEitherCase) {
  EXPECT_EQ(bytes("512"), 512u);
  EXPECT_EQ(bytes("1b"), 1u);
  EXPECT_EQ(bytes("1k"), 1024u);
  EXPECT_EQ(bytes("3M"), 3u << 20);
  EXPECT_EQ(bytes("1g"), 1ull << 30);
  EXPECT_EQ(bytes("1T"), 1ull << 40);
  EXPECT_EQ(bytes("2p"), 2ull << 50);
  EXPECT_EQ(bytes("1e"), 1ull << 60);
}

TEST(ParseSize, FractionsNeedASuffixAndAreRoundedToWholeBytes) {
  EXPECT_EQ(bytes("1.5k"), 1536u);
  EXPECT_EQ(bytes("1.1k"), 1126u);
  EXPECT_EQ(bytes("1.1G"), 1181116006u);
  EXPECT_EQ(bytes("3.14159M"), 3294196u);
  EXPECT_EQ(bytes("7.9999E"), 9223256744704315136u);
  EXPECT_EQ(bytes("1.k"), 1024u);
  EXPECT_EQ(bytes("1.0"), 1u);
  EXPECT_EQ(error("1.5"), SizeError::invalid);
  EXPECT_EQ(error("1.5b"), SizeError::invalid);
  EXPECT_EQ(error(".5k"), SizeError::invalid);
}

TEST(ParseSize, LeadingBlanksPlusAndZeroesAreDecimal) {
  EXPECT_EQ(bytes(" 1k"), 1024u);
  EXPECT_EQ(bytes("+1k"), 1024u);
  EXPECT_EQ(bytes("010"), 10u);
}

TEST(ParseSize, HexTakesItsDigitsBeforeASuffix) {
  EXPECT_EQ(bytes("0x100000"), 1u << 20);
  EXPECT_EQ(bytes("0x1E"), 30u);
  bool deprecated = false;
  EXPECT_EQ(parse_size("0x10k", 'B', &deprecated), 16384u);
  EXPECT_TRUE(deprecated);
  EXPECT_EQ(error("0x1.8k"), SizeError::invalid);
}

TEST(ParseSize, NonsenseIsInvalid) {
  for (const char* text : {"", "abc", "1X", "1kb", "1KiB", "1 k", "-1", "-0", "1e3", "1..5",
                           "1.5.k", "nan", "inf", "0x"}) {
    EXPECT_EQ(error(text), SizeError::invalid) << text;
  }
}

TEST(ParseSize, MoreThan64BitsIsOutOfRange) {
  EXPECT_EQ(bytes("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(error("18446744073709551616"), SizeError::out_of_range);
  EXPECT_EQ(error("16E"), SizeError::out_of_range);
}

TEST(ParseSize, UnitOfABareNumberCanBeChosen) {
  EXPECT_EQ(parse_size("2", 'M'), 2u << 20);
  EXPECT_EQ(parse_size("2k", 'M'), 2048u);
}

TEST(SizeArgument, OutOfRangeNamesTheRange) {
  ToolContext context;
  context.program = "qemu-img";
  testing::internal::CaptureStderr();
  EXPECT_FALSE(size_argument(context, "image size", "9E"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "qemu-img: Invalid image size specified. Must be between 0 and 9223372036854775807.\n");
}

TEST(SizeArgument, InvalidNamesTheSuffixes) {
  ToolContext context;
  context.program = "qemu-img";
  testing::internal::CaptureStderr();
  EXPECT_FALSE(size_argument(context, "max length", "x"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "qemu-img: Invalid max length specified. You may use k, M, G, T, P or E suffixes for\n"
            "qemu-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.\n");
}

TEST(HumanSize, ThreeDigitsAndTheNextUnitFromAThousandOn) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(512), "512 B");
  EXPECT_EQ(human_size(1023), "0.999 KiB");
  EXPECT_EQ(human_size(1024), "1 KiB");
  EXPECT_EQ(human_size(1536), "1.5 KiB");
  EXPECT_EQ(human_size(200704), "196 KiB");
  EXPECT_EQ(human_size(1000448), "977 KiB");
  EXPECT_EQ(human_size(1022976), "999 KiB");
  EXPECT_EQ(human_size(1023488), "1e+03 KiB");
  EXPECT_EQ(human_size(1024000), "0.977 MiB");
  EXPECT_EQ(human_size(10ull << 30), "10 GiB");
  EXPECT_EQ(human_size(9223372036854775807ull), "8 EiB");
}

}  // namespace
}  // namespace oxbow::tools
