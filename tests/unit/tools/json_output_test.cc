// The JSON layout that scripts compare byte by byte.
#include "json_output.h"

#include <gtest/gtest.h>

namespace oxbow::tools {
namespace {

TEST(JsonString, EscapesWhatIsNotPrintableAscii) {
  EXPECT_EQ(json_string("q\"\\\b\f\n\r\t\x01\x7f"), R"("q\"\\\b\f\n\r\t\u0001\u007F")");
  EXPECT_EQ(json_string("é€"), R"("\u00E9\u20AC")");
}

TEST(JsonString, BeyondTheBasicPlaneIsASurrogatePair) {
  EXPECT_EQ(json_string("\xf0\x9f\x98\x80"), R"("\uD83D\uDE00")");
}

TEST(JsonString, WhatIsNotUtf8BecomesTheReplacementCharacter) {
  EXPECT_EQ(json_string("bad\xff\xc3.img"), R"("bad\uFFFD\uFFFD.img")");
}

TEST(JsonWriter, PrettyPutsEachMemberOnALineOfItsOwn) {
  JsonWriter json;
  json.begin_object();
  json.member("number", 5);
  json.key("list");
  json.begin_array();
  json.value("a");
  json.value(true);
  json.end_array();
  json.key("empty");
  json.begin_array();
  json.end_array();
  json.end_object();
  EXPECT_EQ(json.text(),
            "{\n    \"number\": 5,\n    \"list\": [\n        \"a\",\n        true\n    ],\n"
            "    \"empty\": [\n    ]\n}");
}

TEST(JsonWriter, LineKeepsEverythingOnOne) {
  JsonWriter json(JsonWriter::Layout::line);
  json.begin_object();
  json.member("start", uint64_t{0});
  json.member("data", false);
  json.end_object();
  EXPECT_EQ(json.text(), R"({"start": 0, "data": false})");
}

}  // namespace
}  // namespace oxbow::tools
