// The JSON text itself.
#include "json_output.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace oxbow::tools {
namespace {

// How many bytes follow a UTF-8 lead byte and which bits of it count; nothing for other bytes.
std::optional<std::pair<int, uint32_t>> lead_byte(unsigned char byte) {
  if (byte >= 0xc2 && byte < 0xe0) return std::pair(1, byte & 0x1fu);
  if (byte >= 0xe0 && byte < 0xf0) return std::pair(2, byte & 0x0fu);
  if (byte >= 0xf0 && byte < 0xf5) return std::pair(3, byte & 0x07u);
  return std::nullopt;
}

bool is_scalar(uint32_t code, int trailing) {
  constexpr uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  return code >= smallest[trailing] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

// Takes one character off `text`; U+FFFD for what is not UTF-8.
uint32_t take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  if (first < 0x80) return first;
  auto lead = lead_byte(first);
  if (!lead) return 0xfffd;
  auto [trailing, code] = *lead;
  for (int i = 0; i < trailing; ++i) {
    if (text.empty() || (static_cast<unsigned char>(text.front()) & 0xc0) != 0x80) return 0xfffd;
    code = code << 6 | (static_cast<unsigned char>(text.front()) & 0x3f);
    text.remove_prefix(1);
  }
  return is_scalar(code, trailing) ? code : 0xfffd;
}

void append_escaped(std::string& out, uint32_t code) {
  switch (code) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (code >= 0x20 && code < 0x7f) {
    out += static_cast<char>(code);
  } else if (code < 0x10000) {
    out += fmt::format("\\u{:04X}", code);
  } else {
    code -= 0x10000;
    out += fmt::format("\\u{:04X}\\u{:04X}", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
  }
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) append_escaped(out, take_character(text));
  out += '"';
  return out;
}

void JsonWriter::begin_object() { begin('{'); }
void JsonWriter::end_object() { end('}'); }
void JsonWriter::begin_array() { begin('['); }
void JsonWriter::end_array() { end(']'); }

void JsonWriter::begin(char bracket) {
  before_value();
  text_ += bracket;
  has_members_.push_back(false);
}

void JsonWriter::end(char bracket) {
  has_members_.pop_back();
  if (layout_ == Layout::pretty) new_line();
  text_ += bracket;
}

void JsonWriter::key(std::string_view name) {
  before_value();
  text_ += json_string(name) + ": ";
  after_key_ = true;
}

void JsonWriter::value(std::string_view text) { raw_value(json_string(text)); }
void JsonWriter::value(bool flag) { raw_value(flag ? "true" : "false"); }

void JsonWriter::raw_value(std::string_view rendered) {
  before_value();
  text_ += rendered;
}

// Whatever separates this value from the one before it.
void JsonWriter::before_value() {
  if (std::exchange(after_key_, false) || has_members_.empty()) return;
  if (has_members_.back()) text_ += layout_ == Layout::pretty ? "," : ", ";
  has_members_.back() = true;
  if (layout_ == Layout::pretty) new_line();
}

void JsonWriter::new_line() {
  text_ += '\n';
  text_.append(4 * has_members_.size(), ' ');
}

}  // namespace oxbow::tools
