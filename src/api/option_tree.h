// Option trees as dotted keys: the one form that json:{}, --image-opts and the API share.
// Options are taken out one by one; what is left at the end was understood by nobody.
#pragma once

#include <oxbow/options.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace oxbow::api {

struct OptionValue {
  enum class Kind {
    text,
    literal,  ///< a number or boolean of JSON, in decimal or as true and false
    null,
  };
  std::string text;
  Kind kind = Kind::text;
};

class OptionTree {
 public:
  using Map = std::map<std::string, OptionValue>;

  OptionTree() = default;
  explicit OptionTree(const Options& options);

  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] const Map& all() const { return values_; }
  [[nodiscard]] const OptionValue* find(const std::string& key) const;
  /// The key is there with a string.
  [[nodiscard]] bool has_text(const std::string& key) const;

  void set(const std::string& key, std::string text) { values_[key] = {std::move(text)}; }
  void set(const std::string& key, OptionValue value) { values_[key] = std::move(value); }
  /// Adds what `other` has and this has not.
  void add_missing(OptionTree other);

  std::optional<OptionValue> take(const std::string& key);
  /// Nothing where the value is not a string; it is gone all the same.
  std::optional<std::string> take_text(const std::string& key);
  /// on/off, yes/no, true/false, y/n.
  Result<std::optional<bool>> take_bool(const std::string& key);
  /// Bytes, with the stock tools' suffixes.
  Result<std::optional<uint64_t>> take_size(const std::string& key);
  Result<std::optional<uint64_t>> take_number(const std::string& key);
  /// Everything below "prefix.", without the prefix.
  OptionTree take_below(const std::string& prefix);

  /// All values as text, for who does not care where they came from.
  [[nodiscard]] Options to_options() const;

 private:
  Map values_;
};

}  // namespace oxbow::api
