// Option lists and shared words.
#include "options.h"

#include <algorithm>
#include <cstdio>

namespace oxbow::tools {
namespace {

// Takes a value off `text` up to a comma that stands alone; the comma is left.
std::string take_value(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    if (text.front() == ',') {
      if (!text.starts_with(",,")) break;
      text.remove_prefix(1);
    }
    value += text.front();
    text.remove_prefix(1);
  }
  return value;
}

// "key" is key=on, "nokey" key=off.
OptionItem bare_item(std::string_view word) {
  OptionItem item{std::string(word), "on", std::string(word)};
  if (word.starts_with("no")) {
    item.key.erase(0, 2);
    item.value = "off";
  }
  return item;
}

}  // namespace

std::vector<OptionItem> split_options(std::string_view text, std::string_view implied_key) {
  std::vector<OptionItem> items;
  bool first = true;
  while (!text.empty()) {
    size_t key_end = std::min(text.find_first_of("=,"), text.size());
    if (key_end < text.size() && text[key_end] == '=') {
      std::string key(text.substr(0, key_end));
      text.remove_prefix(key_end + 1);
      items.push_back({std::move(key), take_value(text), {}});
    } else if (first && !implied_key.empty()) {
      items.push_back({std::string(implied_key), take_value(text), {}});
    } else {
      items.push_back(bare_item(text.substr(0, key_end)));
      text.remove_prefix(key_end);
    }
    if (!text.empty()) text.remove_prefix(1);
    first = false;
  }
  return items;
}

bool asks_for_help(std::string_view text) {
  while (!text.empty()) {
    std::string element = take_value(text);
    if (element == "help" || element == "?") return true;
    if (!text.empty()) text.remove_prefix(1);
  }
  return false;
}

bool append_option_list(const ToolContext& context, std::string& list, const char* text) {
  std::string_view given = text;
  size_t last = given.find_last_not_of(',');
  size_t trailing_commas = last == std::string_view::npos ? given.size() : given.size() - last - 1;
  if (given.empty() || given.front() == ',' || trailing_commas % 2 != 0) {
    error_report(context, "Invalid option list: {}", text);
    return false;
  }
  if (!list.empty()) list += ',';
  list += given;
  return true;
}

Options parse_image_options(const ToolContext& context, std::string_view text,
                            std::string_view implied_key) {
  Options tree;
  for (OptionItem& item : split_options(text, implied_key)) {
    if (!item.bare.empty()) {
      warn_report(context, "short-form boolean option '{}' deprecated", item.bare);
      fmt::print(stderr, "Please use {}={} instead\n", item.key, item.value);
    }
    tree[item.key] = std::move(item.value);
  }
  return tree;
}

bool accept_trace(const ToolContext& context, const char* text) {
  for (const OptionItem& item : split_options(text, "enable")) {
    if (item.key == "enable") {
      if (item.value.find('*') == std::string::npos) {
        warn_report(context, "trace event '{}' does not exist", item.value);
      }
    } else if (item.key != "events" && item.key != "file") {
      error_report(context, "Invalid parameter '{}'", item.key);
      return false;
    }
  }
  return true;
}

std::optional<CacheMode> parse_cache_mode(std::string_view text) {
  if (text == "none" || text == "off") return CacheMode::none;
  if (text == "writeback") return CacheMode::writeback;
  if (text == "writethrough") return CacheMode::writethrough;
  if (text == "directsync") return CacheMode::directsync;
  if (text == "unsafe") return CacheMode::unsafe;
  return std::nullopt;
}

std::optional<OutputFormat> parse_output_format(const ToolContext& context, std::string_view text) {
  if (text == "json") return OutputFormat::json;
  if (text == "human") return OutputFormat::human;
  error_report(context, "--output must be used with human or json as argument.");
  return std::nullopt;
}

}  // namespace oxbow::tools
