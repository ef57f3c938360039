// JSON in the stock tools' layout: four spaces a level, one member a line, or everything on
// one line; text outside printable ASCII as \uXXXX. Members come out as they are written,
// so whoever writes them knows the order the stock tool has.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::tools {

/// `text` between double quotes; bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

class JsonWriter {
 public:
  enum class Layout { pretty, line };
  explicit JsonWriter(Layout layout = Layout::pretty) : layout_(layout) {}

  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  /// The name of the member whose value is written next.
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool flag);
  template <std::integral T>
  void value(T number) {
    raw_value(std::to_string(number));
  }
  template <class T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }

  /// The finished text, without a final newline.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void begin(char bracket);
  void end(char bracket);
  void before_value();
  void raw_value(std::string_view rendered);
  void new_line();

  Layout layout_;
  std::string text_;
  std::vector<bool> has_members_;  ///< one entry for each open bracket
  bool after_key_ = false;
};

}  // namespace oxbow::tools
