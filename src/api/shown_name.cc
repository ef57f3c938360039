#include "api/shown_name.h"

#include <algorithm>
#include <cctype>

#include "api/json_options.h"

namespace oxbow::api {
namespace {

// The stock tools print members in an order of their own (that of a hash table), which
// parsers have seen for years. "#" stands for an index.
constexpr std::string_view known_order[] = {"encrypt.key-secret",
                                            "read-pattern",
                                            "throttle-group",
                                            "backing",
                                            "children",
                                            "offset",
                                            "read-zeroes",
                                            "inject-error.#.once",
                                            "set-state.#.event",
                                            "image",
                                            "max-transfer",
                                            "driver",
                                            "inject-error.#.errno",
                                            "inject-error.#.event",
                                            "set-state.#.new_state",
                                            "set-state.#.state",
                                            "align",
                                            "size",
                                            "file",
                                            "filename"};

size_t rank(const std::string& key) {
  std::string pattern;
  for (const char c : key) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) pattern += c;
    if (digit && !pattern.ends_with('#')) pattern += '#';
  }
  return static_cast<size_t>(std::ranges::find(known_order, pattern) - std::begin(known_order));
}

}  // namespace

void JsonObject::add(const std::string& key, const OptionValue& value) {
  switch (value.kind) {
    case OptionValue::Kind::text: return add_json(key, json_quoted(value.text));
    case OptionValue::Kind::literal: return add_json(key, value.text);
    case OptionValue::Kind::null: return add_json(key, "null");
  }
}

void JsonObject::add_json(const std::string& key, std::string json) {
  members_.emplace_back(key, std::move(json));
}

std::string JsonObject::text() const {
  auto members = members_;
  std::ranges::stable_sort(members, {}, [](const auto& member) { return rank(member.first); });
  std::string out = "{";
  for (const auto& [key, json] : members) {
    if (out.size() > 1) out += ", ";
    out += json_quoted(key) + ": " + json;
  }
  return out + "}";
}

}  // namespace oxbow::api
