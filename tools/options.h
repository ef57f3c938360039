// Lists of key=value as -o, --image-opts and --object take them, and the small words
// (cache modes, output formats) that several commands share.
#pragma once

#include <oxbow/options.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.h"

namespace oxbow::tools {

struct OptionItem {
  std::string key;
  std::string value;
  std::string bare;  ///< the element as written where it had no '=': "read-only", "noread-only"
};

/// Splits at commas; ",," stands for one comma inside a value. A first element without '='
/// is the value of `implied_key` if that is given; any other is key=on, or "nokey" key=off.
std::vector<OptionItem> split_options(std::string_view text, std::string_view implied_key = {});

/// Whether an element asks for the list of options ("help" or "?").
bool asks_for_help(std::string_view text);

/// Adds one -o to those before it. False, and reported, where the list is malformed.
bool append_option_list(const ToolContext& context, std::string& list, const char* text);

/// --image-opts: the tree that `text` describes; an element alone at the start is the value
/// of `implied_key`, if there is one.
Options parse_image_options(const ToolContext& context, std::string_view text,
                            std::string_view implied_key = "file");

/// -T: nothing is traced, but whoever names an event that cannot exist is told. False, and
/// told, where the argument is malformed.
bool accept_trace(const ToolContext& context, const char* text);

/// "none", "writeback", "writethrough", "directsync", "unsafe", "off".
std::optional<CacheMode> parse_cache_mode(std::string_view text);

enum class OutputFormat { human, json };
/// The argument of --output; anything but human and json is reported.
std::optional<OutputFormat> parse_output_format(const ToolContext& context, std::string_view text);

}  // namespace oxbow::tools
