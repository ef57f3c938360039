// -o of create, convert and amend.
#include "create_options.h"

#include <gtest/gtest.h>

namespace oxbow::tools {
namespace {

CreateOptionList list_for(std::string_view format, std::string_view options) {
  auto list = CreateOptionList::for_format(format);
  EXPECT_TRUE(list);
  auto parsed = list->parse(options);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message());
  return *list;
}

std::string parse_error(std::string_view options) {
  auto parsed = CreateOptionList::for_format("qcow2")->parse(options);
  EXPECT_FALSE(parsed) << options;
  return parsed ? "" : parsed.error().message();
}

TEST(CreateOptions, SummaryListsDefaultsAndGivenInTheStockOrder) {
  EXPECT_EQ(list_for("qcow2", "lazy_refcounts=on,cluster_size=4k,size=1G,compat=0.10").summary(),
            " cluster_size=4096 extended_l2=off compression_type=zlib size=1073741824 compat=0.10"
            " lazy_refcounts=on refcount_bits=16");
  EXPECT_EQ(list_for("raw", "preallocation=off,nocow=off,size=1M,extent_size_hint=1M").summary(),
            " size=1048576 nocow=off preallocation=off extent_size_hint=1048576");
}

TEST(CreateOptions, SummaryDoublesCommas) {
  EXPECT_EQ(list_for("qcow2", "data_file=a,,b").summary(),
            " cluster_size=65536 extended_l2=off compression_type=zlib data_file=a,,b"
            " lazy_refcounts=off refcount_bits=16");
}

TEST(CreateOptions, FormatOptionsHoldWhatWasGivenWithoutSizeAndBacking) {
  auto list = list_for("qcow2", "size=1M,backing_file=b,cluster_size=4k,lazy_refcounts=true");
  EXPECT_EQ(list.format_options(), (Options{{"cluster_size", "4096"}, {"lazy_refcounts", "on"}}));
  EXPECT_EQ(list.size("size"), 1u << 20);
  EXPECT_EQ(list.get("backing_file"), "b");
}

TEST(CreateOptions, NumbersTakeOctalHexAndWrapLikeTheStockTool) {
  EXPECT_EQ(list_for("qcow2", "refcount_bits=010").get("refcount_bits"), "8");
  EXPECT_EQ(list_for("qcow2", "refcount_bits=0x8").get("refcount_bits"), "8");
  EXPECT_EQ(list_for("qcow2", "refcount_bits=18446744073709551615").get("refcount_bits"), "-1");
}

TEST(CreateOptions, BadValuesAreToldInTheStockWords) {
  EXPECT_EQ(parse_error("nope=1"), "Invalid parameter 'nope'");
  EXPECT_EQ(parse_error("nope"), "Invalid parameter 'pe'");
  EXPECT_EQ(parse_error("refcount_bits=8k"), "Parameter 'refcount_bits' expects a number");
  EXPECT_EQ(parse_error("refcount_bits=99999999999999999999"),
            "Value '99999999999999999999' is too large for parameter 'refcount_bits'");
  EXPECT_EQ(parse_error("lazy_refcounts=1"), "Parameter 'lazy_refcounts' expects 'on' or 'off'");
  EXPECT_EQ(parse_error("cluster_size=16E"),
            "Value '16E' is out of range for parameter 'cluster_size'");
  EXPECT_EQ(parse_error("cluster_size="),
            "Parameter 'cluster_size' expects a non-negative number below 2^64");
}

TEST(CreateOptions, FormatsThatCannotBeMade) {
  EXPECT_EQ(CreateOptionList::for_format("nope").error().message(), "Unknown file format 'nope'");
  EXPECT_EQ(CreateOptionList::for_format("null-co").error().message(),
            "Format driver 'null-co' does not support image creation");
}

TEST(CreateOptions, HelpOfAFormatAloneLeavesTheFileLevelOut) {
  EXPECT_EQ(CreateOptionList::for_format("raw", true)->help(),
            "Supported raw options:\n"
            "  size=<size>            - Virtual disk size\n\n"
            "The protocol level may support further options.\n"
            "Specify the target filename to include those options.\n");
  EXPECT_EQ(CreateOptionList::for_format("raw")->help(),
            "Supported options:\n"
            "  extent_size_hint=<size> - Extent size hint for the image file, 0 to disable\n"
            "  nocow=<bool (on/off)>  - Turn off copy-on-write (valid only on btrfs)\n"
            "  preallocation=<str>    - Preallocation mode (allowed values: off, falloc, full)\n"
            "  size=<size>            - Virtual disk size\n");
}

TEST(CreateOptions, AmendingTakesKeysOfItsOwn) {
  auto list = CreateOptionList::for_amending("qcow2");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->parse("compat=v2,size=1M,lazy_refcounts=yes"));
  EXPECT_EQ(list->given(),
            (Options{{"compat", "v2"}, {"lazy_refcounts", "on"}, {"size", "1048576"}}));
  const auto only_new = list->parse("cluster_size=4k");
  EXPECT_EQ(only_new.error().message(), "Invalid parameter 'cluster_size'");
  EXPECT_EQ(only_new.error().hint(), "This option is only supported for image creation\n");
  EXPECT_EQ(list->parse("nocow=on").error().hint(), "");
  EXPECT_EQ(CreateOptionList::for_amending("vmdk").error().message(),
            "Format driver 'vmdk' does not support option amendment");
  EXPECT_EQ(CreateOptionList::for_amending("nope").error().message(), "Unknown file format 'nope'");
}

}  // namespace
}  // namespace oxbow::tools
