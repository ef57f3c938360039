// Option lists: -o, --image-opts and the words beside them.
#include "options.h"

#include <gtest/gtest.h>

namespace oxbow::tools {
namespace {

ToolContext stock() {
  ToolContext context;
  context.program = "qemu-img";
  return context;
}

TEST(SplitOptions, TwoCommasStandForOneInsideAValue) {
  auto items = split_options("file.filename=a,,b.raw,driver=raw");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].key, "file.filename");
  EXPECT_EQ(items[0].value, "a,b.raw");
  EXPECT_EQ(items[1].key, "driver");
  EXPECT_EQ(items[1].value, "raw");
}

TEST(SplitOptions, AWordAloneIsOnAndWithNoOff) {
  auto items = split_options("lazy_refcounts,noread-only");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].key, "lazy_refcounts");
  EXPECT_EQ(items[0].value, "on");
  EXPECT_EQ(items[1].key, "read-only");
  EXPECT_EQ(items[1].value, "off");
  EXPECT_EQ(items[1].bare, "noread-only");
}

TEST(SplitOptions, OnlyTheFirstElementHasTheImpliedKey) {
  auto items = split_options("a.img,x", "file");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].key, "file");
  EXPECT_EQ(items[0].value, "a.img");
  EXPECT_TRUE(items[0].bare.empty());
  EXPECT_EQ(items[1].key, "x");
}

TEST(AsksForHelp, OnlyAWholeElementCounts) {
  EXPECT_TRUE(asks_for_help("help"));
  EXPECT_TRUE(asks_for_help("?"));
  EXPECT_TRUE(asks_for_help("cluster_size=4k,help"));
  EXPECT_FALSE(asks_for_help("cluster_size=help"));
  EXPECT_FALSE(asks_for_help("backing_file=a,,help"));
}

TEST(AppendOptionList, RefusesCommasThatLeadNowhere) {
  for (const char* bad : {"", ",", ",,cluster_size=4k", "cluster_size=4k,", "a=b,,,"}) {
    std::string list;
    testing::internal::CaptureStderr();
    EXPECT_FALSE(append_option_list(stock(), list, bad)) << bad;
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              fmt::format("qemu-img: Invalid option list: {}\n", bad));
  }
}

TEST(AppendOptionList, RepeatedOptionsAreJoined) {
  std::string list;
  EXPECT_TRUE(append_option_list(stock(), list, "cluster_size=4k"));
  EXPECT_TRUE(append_option_list(stock(), list, "compat=1.1"));
  EXPECT_EQ(list, "cluster_size=4k,compat=1.1");
}

TEST(ParseImageOptions, TheLastOfEqualKeysWins) {
  Options tree = parse_image_options(stock(), "driver=raw,file.filename=a,driver=qcow2");
  EXPECT_EQ(tree, (Options{{"driver", "qcow2"}, {"file.filename", "a"}}));
}

TEST(ParseImageOptions, WarnsAboutShortFormBooleans) {
  testing::internal::CaptureStderr();
  Options tree = parse_image_options(stock(), "driver=raw,read-only");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "qemu-img: warning: short-form boolean option 'read-only' deprecated\n"
            "Please use read-only=on instead\n");
  EXPECT_EQ(tree["read-only"], "on");
}

TEST(ParseCacheMode, KnowsTheStockWords) {
  EXPECT_EQ(parse_cache_mode("off"), CacheMode::none);
  EXPECT_EQ(parse_cache_mode("directsync"), CacheMode::directsync);
  EXPECT_FALSE(parse_cache_mode("NONE"));
  EXPECT_FALSE(parse_cache_mode(""));
}

}  // namespace
}  // namespace oxbow::tools
