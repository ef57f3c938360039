#include "api/json_options.h"

#include <gtest/gtest.h>

namespace oxbow::api {
namespace {

std::string flat(std::string_view text) {
  const auto tree = parse_json_options(text);
  if (!tree) return tree.error().message();
  std::string out;
  for (const auto& [key, value] : tree->all()) {
    const char* mark = value.kind == OptionValue::Kind::text ? "'" : "";
    out += key + "=" + mark + (value.kind == OptionValue::Kind::null ? "null" : value.text) + mark +
           " ";
  }
  return out;
}

struct Case {
  std::string_view text;
  std::string expected;
};

TEST(JsonOptions, ObjectsAndArraysBecomeDottedKeys) {
  EXPECT_EQ(flat(R"({"driver":"qcow2","file":{"driver":"file","filename":"x"}})"),
            "driver='qcow2' file.driver='file' file.filename='x' ");
  EXPECT_EQ(flat(R"({"a":{"b":[{"c":1},"d"]}})"), "a.b.0.c=1 a.b.1='d' ");
}

TEST(JsonOptions, KeepsWhatIsNoString) {
  EXPECT_EQ(flat(R"({"a":true,"b":null,"c":-5,"d":512.0,"e":{},"f":[]})"),
            "a=true b=null c=-5 d=512 e={} f=[] ");
}

TEST(JsonOptions, ReadsTheStockDialect) {
  EXPECT_EQ(flat(R"( {'driver' : 'it\'s "x"'} )"), "driver='it's \"x\"' ");
  EXPECT_EQ(flat(R"({"a":"i\u002eq\u00e4\ud83d\ude00\n"})"), "a='i.q\xc3\xa4\xf0\x9f\x98\x80\n' ");
}

TEST(JsonOptions, SaysWhatIsWrongInTheStockWords) {
  const std::string prefix = "Could not parse the JSON options: ";
  const Case cases[] = {
      {"", prefix + "Expecting a JSON value"},
      {"  ", prefix + "Expecting a JSON value"},
      {"{} x", prefix + "Expecting at most one JSON value"},
      {"{}}", prefix + "Expecting at most one JSON value"},
      {"[]", "Invalid JSON object given"},
      {"1", "Invalid JSON object given"},
      {R"("x")", "Invalid JSON object given"},
      {"{", prefix + "JSON parse error, premature EOI"},
      {R"({"a")", prefix + "JSON parse error, premature EOI"},
      {R"({"driver":"qcow2",)", prefix + "JSON parse error, premature EOI"},
      {R"({"a":1,})", prefix + "JSON parse error, expecting value"},
      {R"({"a":nope})", prefix + "JSON parse error, invalid keyword 'nope'"},
      {R"({a:1})", prefix + "JSON parse error, invalid keyword 'a'"},
      {R"({"a":1,"a":2})", prefix + "JSON parse error, duplicate key"},
      {R"({"a":"b" "c":"d"})", prefix + "JSON parse error, expected separator in dict"},
      {R"({"a" "b"})", prefix + "JSON parse error, missing : in object pair"},
      {R"({"a":"qc)", prefix + "JSON parse error, stray '\"qc'"},
      {R"({"a":"q\x"})", prefix + "JSON parse error, invalid escape sequence in string"},
      {R"({"a":01})", prefix + "JSON parse error, stray '01}'"},
      {R"({"a":&})", prefix + "JSON parse error, stray '&'"},
      {"{1:2}", prefix + "JSON parse error, key is not a string in object"},
      {"[1 2]", prefix + "JSON parse error, expected separator in list"},
      {R"({"a":[1})", prefix + "JSON parse error, expected separator in list"},
  };
  for (const Case& one : cases) EXPECT_EQ(flat(one.text), one.expected) << one.text;
}

TEST(JsonOptions, DepthIsBounded) {
  const std::string deep = "{\"a\":" + std::string(100000, '[');
  EXPECT_EQ(flat(deep), "Could not parse the JSON options: JSON parse error, nested too deeply");
}

TEST(JsonOptions, QuotesForJson) { EXPECT_EQ(json_quoted("a\"\\\n"), R"("a\"\\\u000A")"); }

}  // namespace
}  // namespace oxbow::api
