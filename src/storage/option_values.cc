#include "storage/option_values.h"

#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace oxbow::storage {
namespace {

constexpr double two_to_64 = 18446744073709551616.0;

std::string expects(std::string_view key, const char* what) {
  return "Parameter '" + std::string(key) + "' expects " + what;
}

std::optional<int> shift_of_suffix(std::string_view suffix) {
  if (suffix.empty()) return 0;
  if (suffix.size() != 1) return std::nullopt;
  constexpr std::string_view letters = "bkmgtpe";
  const char letter = static_cast<char>(std::tolower(static_cast<unsigned char>(suffix[0])));
  const size_t place = letters.find(letter);
  if (place == std::string_view::npos) return std::nullopt;
  return static_cast<int>(place) * 10;
}

std::optional<uint64_t> parse_size(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const uint64_t whole = std::strtoull(text.c_str(), &end, 0);
  if (errno != 0) return std::nullopt;
  if (*end == '.') {
    const double fraction = std::strtod(text.c_str(), &end);
    const auto shift = shift_of_suffix(end);
    const double scaled = shift ? std::ldexp(fraction, *shift) : two_to_64;
    if (scaled >= two_to_64) return std::nullopt;
    return static_cast<uint64_t>(scaled);
  }
  const auto shift = shift_of_suffix(end);
  if (!shift || (whole << *shift) >> *shift != whole) return std::nullopt;
  return whole << *shift;
}

}  // namespace

Result<uint64_t> parse_size_option(std::string_view key, const std::string& text) {
  if (const auto size = parse_size(text)) return *size;
  return std::unexpected(
      Error(ErrorKind::invalid_argument, expects(key, "a non-negative number below 2^64"))
          .with_hint("Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
                     "and exabytes, respectively.\n"));
}

Result<uint64_t> parse_number_option(std::string_view key, const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const uint64_t number = std::strtoull(text.c_str(), &end, 0);
  if (errno == 0 && !text.empty() && *end == '\0') return number;
  return fail(ErrorKind::invalid_argument, expects(key, "a number"));
}

Result<bool> parse_switch_option(std::string_view key, const std::string& text) {
  if (text == "on" || text == "yes" || text == "true" || text == "y") return true;
  if (text == "off" || text == "no" || text == "false" || text == "n") return false;
  return fail(ErrorKind::invalid_argument, expects(key, "'on' or 'off'"));
}

}  // namespace oxbow::storage
