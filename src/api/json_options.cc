#include "api/json_options.h"

#include <cstdio>
#include <cstdlib>
#include <set>

namespace oxbow::api {
namespace {

constexpr int max_depth = 64;
constexpr std::string_view blanks = " \t\r\n";

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Result<OptionTree> read();

 private:
  static std::unexpected<Error> wrong(std::string_view what) {
    return fail(ErrorKind::invalid_argument,
                "Could not parse the JSON options: " + std::string(what), EINVAL);
  }
  static std::unexpected<Error> syntax(const std::string& what) {
    return wrong("JSON parse error, " + what);
  }

  char peek() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool accept(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<void> value(const std::string& path, int depth);
  Result<void> object(const std::string& path, int depth);
  Result<void> array(const std::string& path, int depth);
  Result<void> keyword(const std::string& path);
  Result<void> number(const std::string& path);
  Result<std::string> string();
  Result<void> escape(std::string& out);
  Result<uint32_t> unit();

  std::string_view rest_;
  OptionTree tree_;
};

Result<OptionTree> Reader::read() {
  if (peek() == '\0') return wrong("Expecting a JSON value");
  const bool is_object = rest_.front() == '{';
  TRY(value("", 0));
  if (peek() != '\0') return wrong("Expecting at most one JSON value");
  if (!is_object) return fail(ErrorKind::invalid_argument, "Invalid JSON object given", EINVAL);
  return std::move(tree_);
}

Result<void> Reader::value(const std::string& path, int depth) {
  if (depth > max_depth) return syntax("nested too deeply");
  const char first = peek();
  if (first == '\0') return syntax("premature EOI");
  if (first == '{') return object(path, depth);
  if (first == '[') return array(path, depth);
  if (first == '"' || first == '\'') {
    TRY_ASSIGN(std::string text, string());
    tree_.set(path, std::move(text));
    return {};
  }
  if (first == '-' || (first >= '0' && first <= '9')) return number(path);
  if (first >= 'a' && first <= 'z') return keyword(path);
  if (std::string_view("}],:").contains(first)) return syntax("expecting value");
  return syntax("stray '" + std::string(1, first) + "'");
}

Result<void> Reader::object(const std::string& path, int depth) {
  accept('{');
  if (accept('}')) {
    if (depth > 0) tree_.set(path, {"{}", OptionValue::Kind::literal});
    return {};
  }
  std::set<std::string> keys;
  do {
    const char first = peek();
    if (first == '\0') return syntax("premature EOI");
    if (first != '"' && first != '\'') {
      const bool is_value =
          first == '-' || first == '{' || first == '[' || (first >= '0' && first <= '9');
      if (is_value) return syntax("key is not a string in object");
      return value(path, depth + 1);  // has the words for what else it may be
    }
    TRY_ASSIGN(const std::string key, string());
    if (peek() == '\0') return syntax("premature EOI");
    if (!accept(':')) return syntax("missing : in object pair");
    if (!keys.insert(key).second) return syntax("duplicate key");
    TRY(value(path.empty() ? key : path + "." + key, depth + 1));
  } while (accept(','));
  if (accept('}')) return {};
  return syntax(rest_.empty() ? "premature EOI" : "expected separator in dict");
}

Result<void> Reader::array(const std::string& path, int depth) {
  accept('[');
  if (accept(']')) {
    tree_.set(path, {"[]", OptionValue::Kind::literal});
    return {};
  }
  size_t index = 0;
  do {
    TRY(value(path + "." + std::to_string(index++), depth + 1));
  } while (accept(','));
  if (accept(']')) return {};
  return syntax(rest_.empty() ? "premature EOI" : "expected separator in list");
}

Result<void> Reader::keyword(const std::string& path) {
  const size_t end = std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), rest_.size());
  const std::string word(rest_.substr(0, end));
  rest_.remove_prefix(end);
  if (word == "null") {
    tree_.set(path, {"", OptionValue::Kind::null});
  } else if (word == "true" || word == "false") {
    tree_.set(path, {word, OptionValue::Kind::literal});
  } else {
    return syntax("invalid keyword '" + word + "'");
  }
  return {};
}

Result<void> Reader::number(const std::string& path) {
  const size_t end = std::min(rest_.find_first_not_of("0123456789+-.eE"), rest_.size());
  const std::string text(rest_.substr(0, end));
  const size_t first_digit = text.front() == '-' ? 1 : 0;
  char* stop = nullptr;
  const double real = std::strtod(text.c_str(), &stop);
  const bool leading_zero = text.size() > first_digit + 1 && text[first_digit] == '0' &&
                            text[first_digit + 1] >= '0' && text[first_digit + 1] <= '9';
  if (*stop != '\0' || text.size() == first_digit || leading_zero) {
    return syntax("stray '" + std::string(rest_.substr(0, end + (end < rest_.size() ? 1 : 0))) +
                  "'");
  }
  rest_.remove_prefix(end);
  if (text.find_first_of(".eE") == std::string::npos) {
    tree_.set(path, {text, OptionValue::Kind::literal});
    return {};
  }
  char shortest[32];
  std::snprintf(shortest, sizeof shortest, "%.17g", real);
  tree_.set(path, {shortest, OptionValue::Kind::literal});
  return {};
}

Result<std::string> Reader::string() {
  const std::string_view whole = rest_;
  const char quote = rest_.front();
  rest_.remove_prefix(1);
  std::string out;
  while (!rest_.empty() && rest_.front() != quote) {
    const char c = rest_.front();
    if (static_cast<unsigned char>(c) < 0x20) break;
    rest_.remove_prefix(1);
    if (c == '\\') {
      TRY(escape(out));
    } else {
      out += c;
    }
  }
  if (!accept(quote)) {
    return syntax("stray '" + std::string(whole.substr(0, whole.size() - rest_.size())) + "'");
  }
  return out;
}

Result<void> Reader::escape(std::string& out) {
  constexpr std::string_view names = "\"\\/'bfnrt";
  constexpr std::string_view values = "\"\\/'\b\f\n\r\t";
  const char name = rest_.empty() ? '\0' : rest_.front();
  if (!rest_.empty()) rest_.remove_prefix(1);
  if (const size_t at = names.find(name); at != std::string_view::npos) {
    out += values[at];
    return {};
  }
  if (name != 'u') return syntax("invalid escape sequence in string");
  TRY_ASSIGN(uint32_t code, unit());
  if (code >= 0xd800 && code < 0xdc00 && rest_.starts_with("\\u")) {
    rest_.remove_prefix(2);
    TRY_ASSIGN(const uint32_t low, unit());
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    if (low < 0xdc00 || low > 0xdfff) code = 0xd800;
  }
  if (code == 0 || (code >= 0xd800 && code < 0xe000)) {
    return syntax("\\u escape does not stand for a character");
  }
  append_utf8(out, code);
  return {};
}

Result<uint32_t> Reader::unit() {
  const std::string digits(rest_.substr(0, 4));
  if (digits.size() < 4 ||
      digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
    return syntax("invalid escape sequence in string");
  }
  rest_.remove_prefix(4);
  return static_cast<uint32_t>(std::strtoul(digits.c_str(), nullptr, 16));
}

}  // namespace

Result<OptionTree> parse_json_options(std::string_view text) { return Reader(text).read(); }

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04X", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace oxbow::api
