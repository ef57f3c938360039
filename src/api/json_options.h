// The object of a "json:{...}" file name as an option tree. The stock tools read a dialect
// (strings may stand in single quotes) and have words of their own for what is wrong, so
// this is a reader of that dialect; values are never kept as a document.
#pragma once

#include <string_view>

#include "api/option_tree.h"

namespace oxbow::api {

/// Flattened: {"file":{"filename":"x"},"a":[1]} gives file.filename and a.0. Errors begin
/// "Could not parse the JSON options: ".
Result<OptionTree> parse_json_options(std::string_view text);

/// `text` as a JSON string, quotes included.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace oxbow::api
