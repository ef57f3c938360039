// Words of the io shell's commands: numbers, patterns, flags, lengths.
#include <gtest/gtest.h>

#include "io/arguments.h"
#include "io/command.h"

namespace oxbow::tools::io {
namespace {

class Arguments : public testing::Test {
 protected:
  // What was printed by the call.
  template <class F>
  std::string said(F call) {
    testing::internal::CaptureStdout();
    call();
    return testing::internal::GetCapturedStdout();
  }

  Call call(std::vector<std::string> words) {
    words_ = std::move(words);
    pointers_.clear();
    for (std::string& word : words_) pointers_.push_back(word.data());
    const int count = static_cast<int>(pointers_.size());
    pointers_.push_back(nullptr);
    return {*find_command("read"), count, pointers_.data()};
  }

  ToolContext context_;
  Shell shell_{context_};
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

TEST_F(Arguments, NumbersTakeSuffixesAndHex) {
  EXPECT_EQ(parse_number(shell_, "0"), 0u);
  EXPECT_EQ(parse_number(shell_, "1048576"), 1048576u);
  EXPECT_EQ(parse_number(shell_, "64k"), 65536u);
  EXPECT_EQ(parse_number(shell_, "1.5M"), 1572864u);
  EXPECT_EQ(parse_number(shell_, "0x200"), 512u);
  EXPECT_EQ(parse_number(shell_, "9223372036854775807"), uint64_t{INT64_MAX});
}

TEST_F(Arguments, NumbersThatAreNoneAreTold) {
  EXPECT_EQ(said([&] { EXPECT_FALSE(parse_number(shell_, "x")); }),
            "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- x\n");
  EXPECT_EQ(said([&] { EXPECT_FALSE(parse_number(shell_, "9223372036854775808")); }),
            "Parsing error: argument too large -- 9223372036854775808\n");
  EXPECT_EQ(said([&] { EXPECT_FALSE(parse_number(shell_, "", "-m")); }),
            "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- -m\n");
}

TEST_F(Arguments, PatternsAreBytes) {
  EXPECT_EQ(parse_pattern("0"), 0);
  EXPECT_EQ(parse_pattern("0xff"), 255);
  EXPECT_EQ(parse_pattern("017"), 15);
  for (const char* text : {"256", "-1", "", "1x", "x"}) {
    EXPECT_EQ(said([&] { EXPECT_FALSE(parse_pattern(text)); }),
              std::string(text) + " is not a valid pattern byte\n");
  }
}

TEST_F(Arguments, FlagsLeaveTheOperandsBehind) {
  const Call given = call({"read", "0", "-P", "7", "512", "-q"});
  Flags flags(given, "P:q");
  EXPECT_EQ(flags.next(), 'P');
  EXPECT_STREQ(flags.argument(), "7");
  EXPECT_EQ(flags.next(), 'q');
  EXPECT_EQ(flags.next(), Flags::end);
  ASSERT_EQ(flags.operands(), 2);
  EXPECT_STREQ(flags.operand(0), "0");
  EXPECT_STREQ(flags.operand(1), "512");
}

TEST_F(Arguments, LengthsOfAVectorAreSummedBeforeTheyAreAccepted) {
  const auto lengths = [&](const Call& given) {
    Flags flags(given, "");
    EXPECT_EQ(flags.next(), Flags::end);
    return parse_lengths(shell_, flags, 1);
  };
  EXPECT_EQ(lengths(call({"readv", "0", "1k", "512"})), (std::vector<uint64_t>{1024, 512}));
  EXPECT_EQ(said([&] { EXPECT_TRUE(lengths(call({"readv", "0", "2G"})).empty()); }),
            "Argument '2G' exceeds maximum size 2147483136\n");
  EXPECT_EQ(said([&] { EXPECT_TRUE(lengths(call({"readv", "0", "1G", "1G"})).empty()); }),
            "The total number of bytes exceed the maximum size 2147483136\n");
}

TEST_F(Arguments, SectorAlignmentIsTold) {
  EXPECT_TRUE(check_sector_aligned(1024, "count"));
  EXPECT_EQ(said([] { EXPECT_FALSE(check_sector_aligned(100, "offset")); }),
            "100 is not a sector-aligned value for 'offset'\n");
}

TEST_F(Arguments, CommandsAreFoundByBothNames) {
  ASSERT_NE(find_command("w"), nullptr);
  EXPECT_EQ(find_command("w"), find_command("write"));
  EXPECT_EQ(find_command(""), nullptr);
  EXPECT_EQ(find_command("nope"), nullptr);
}

}  // namespace
}  // namespace oxbow::tools::io
