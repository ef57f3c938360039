// The name under which a layer appears in `info` and in messages: a plain file name where one
// opens the same thing, else a json: object of all that matters to what is opened.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/option_tree.h"

namespace oxbow::api {

struct ShownName {
  std::string exact;  ///< a file name; empty: only the object says it all
  std::string json;   ///< {"driver": "file", "filename": "x"}

  [[nodiscard]] std::string text() const { return exact.empty() ? "json:" + json : exact; }
};

/// Collects members and prints them in the order in which the stock tools do.
class JsonObject {
 public:
  void add(const std::string& key, const OptionValue& value);
  /// `json` is a JSON value already.
  void add_json(const std::string& key, std::string json);
  /// {"a": 1, "b": "x"}
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace oxbow::api
