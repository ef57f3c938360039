#include "api/option_tree.h"

#include <gtest/gtest.h>

#include "api/node_options.h"
#include "api/qcow2_options.h"
#include "api/shown_name.h"

namespace oxbow::api {
namespace {

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "no error" : result.error().message();
}

TEST(OptionTree, TakesBranchesAndLeavesTheRest) {
  OptionTree tree(Options{{"driver", "qcow2"}, {"file.filename", "x"}, {"file.a.b", "1"}});
  OptionTree file = tree.take_below("file");
  EXPECT_EQ(file.to_options(), (Options{{"filename", "x"}, {"a.b", "1"}}));
  EXPECT_EQ(tree.to_options(), (Options{{"driver", "qcow2"}}));
}

TEST(OptionTree, ValuesThatAreNoStringsAreNoNames) {
  OptionTree tree;
  tree.set("driver", OptionValue{"1", OptionValue::Kind::literal});
  EXPECT_EQ(tree.take_text("driver"), std::nullopt);
  EXPECT_TRUE(tree.empty());
}

TEST(OptionTree, ReadsBooleansAndSizes) {
  OptionTree tree(Options{{"a", "yes"}, {"b", "maybe"}, {"c", "64k"}, {"d", "x"}});
  EXPECT_EQ(*tree.take_bool("a"), true);
  EXPECT_EQ(message_of(tree.take_bool("b")), "Parameter 'b' expects 'on' or 'off'");
  EXPECT_EQ(*tree.take_size("c"), 65536u);
  EXPECT_EQ(message_of(tree.take_size("d")),
            "Parameter 'd' expects a non-negative number below 2^64");
  EXPECT_EQ(*tree.take_size("none"), std::nullopt);
}

TEST(NodeOptions, RefusesWhatTheStockToolsRefuse) {
  const auto told = [](Options options, bool writable) {
    OptionTree tree(options);
    NodeOptions base;
    base.writable = writable;
    return message_of(take_node_options(tree, base));
  };
  EXPECT_EQ(told({{"read-only", "on"}}, true), "Block node is read-only");
  EXPECT_EQ(told({{"read-only", "on"}}, false), "no error");
  EXPECT_EQ(told({{"read-only", "x"}}, false), "Parameter 'read-only' expects 'on' or 'off'");
  EXPECT_EQ(told({{"discard", "x"}}, true), "Invalid discard option");
  EXPECT_EQ(told({{"detect-zeroes", "x"}}, true), "invalid parameter value: x");
  EXPECT_EQ(told({{"node-name", "1x"}}, true), "Invalid node-name: '1x'");
  EXPECT_EQ(told({{"force-share", "on"}}, true),
            "force-share=on can only be used with read-only images");
}

TEST(Qcow2Options, RefusesWhatTheStockToolsRefuse) {
  const auto told = [](Options options) {
    OptionTree tree(options);
    return message_of(take_qcow2_options(tree, NodeOptions()));
  };
  EXPECT_EQ(told({{"l2-cache-size", "1M"}, {"refcount-cache-size", "1M"}, {"cache-size", "1M"}}),
            "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time");
  EXPECT_EQ(told({{"l2-cache-size", "2M"}, {"cache-size", "1M"}}),
            "l2-cache-size may not exceed cache-size");
  EXPECT_EQ(told({{"refcount-cache-size", "9999999G"}}), "Refcount cache size too big");
  EXPECT_EQ(told({{"cache-clean-interval", "99999999999"}}), "Cache clean interval too big");
  EXPECT_EQ(told({{"overlap-check", "nope"}}),
            "Unsupported value 'nope' for qcow2 option 'overlap-check'. Allowed are any of the "
            "following: none, constant, cached, all");
  EXPECT_EQ(told({{"overlap-check.template", "all"}, {"overlap-check.main-header", "on"}}),
            "no error");
}

TEST(ShownName, MembersComeInTheStockOrder) {
  JsonObject json;
  json.add("driver", {"raw"});
  json.add("size", OptionValue{"512", OptionValue::Kind::literal});
  json.add("offset", {"1k"});
  json.add_json("file", "{}");
  EXPECT_EQ(json.text(), R"({"offset": "1k", "driver": "raw", "size": 512, "file": {}})");
}

}  // namespace
}  // namespace oxbow::api
