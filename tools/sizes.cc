// Parsing and printing of sizes.
#include "sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace oxbow::tools {
namespace {

// The multiplier of a suffix letter, 0 where it is none.
uint64_t multiplier(char letter) {
  switch (std::toupper(static_cast<unsigned char>(letter))) {
    case 'B': return 1;
    case 'K': return 1ull << 10;
    case 'M': return 1ull << 20;
    case 'G': return 1ull << 30;
    case 'T': return 1ull << 40;
    case 'P': return 1ull << 50;
    case 'E': return 1ull << 60;
    default: return 0;
  }
}

// Blanks and one '+' may stand before a number.
std::string_view skip_sign(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  return text;
}

// Takes the digits of a fraction (after the point) off `text`.
double take_fraction(std::string_view& text) {
  size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string digits = "0." + std::string(text.substr(0, end));
  text.remove_prefix(end);
  return std::strtod(digits.c_str(), nullptr);
}

}  // namespace

std::expected<uint64_t, SizeError> parse_size(std::string_view text, char unit,
                                              bool* hex_with_suffix) {
  text = skip_sign(text);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  uint64_t whole = 0;
  auto [stop, status] =
      std::from_chars(text.data(), text.data() + text.size(), whole, hex ? 16 : 10);
  if (status == std::errc::invalid_argument) return std::unexpected(SizeError::invalid);
  const bool too_long = status == std::errc::result_out_of_range;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));

  double fraction = 0;
  if (!hex && text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_fraction(text);
  }
  uint64_t factor = multiplier(unit);
  if (!text.empty()) {
    factor = multiplier(text.front());
    if (factor == 0 || text.size() > 1) return std::unexpected(SizeError::invalid);
    if (hex && hex_with_suffix) *hex_with_suffix = true;
  }
  if (factor == 1 && fraction != 0) return std::unexpected(SizeError::invalid);
  if (too_long || whole > UINT64_MAX / factor) return std::unexpected(SizeError::out_of_range);
  uint64_t extra = static_cast<uint64_t>(std::llround(fraction * static_cast<double>(factor)));
  if (whole * factor > UINT64_MAX - extra) return std::unexpected(SizeError::out_of_range);
  return whole * factor + extra;
}

std::optional<uint64_t> size_argument(const ToolContext& context, std::string_view what,
                                      const char* text, uint64_t min, uint64_t max) {
  bool hex_with_suffix = false;
  auto size = parse_size(text, 'B', &hex_with_suffix);
  if (hex_with_suffix) {
    warn_report(context, "Using a multiplier suffix on hex numbers is deprecated: {}", text);
  }
  if (!size && size.error() == SizeError::invalid) {
    error_report(context, "Invalid {} specified. You may use k, M, G, T, P or E suffixes for",
                 what);
    error_report(context, "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    return std::nullopt;
  }
  if (!size || *size < min || *size > max) {
    // Where every 63-bit number from `min` on is welcome, the stock tool names no upper end.
    if (max == INT64_MAX && min != 0) {
      error_report(context, "Invalid {} specified. Must be at least {}.", what, min);
    } else {
      error_report(context, "Invalid {} specified. Must be between {} and {}.", what, min, max);
    }
    return std::nullopt;
  }
  return *size;
}

Result<uint64_t> parse_size_option(std::string_view key, std::string_view text,
                                   bool* hex_with_suffix) {
  const auto bytes = parse_size(text, 'B', hex_with_suffix);
  if (bytes) return *bytes;
  if (bytes.error() == SizeError::out_of_range) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("Value '{}' is out of range for parameter '{}'", text, key));
  }
  return std::unexpected(
      Error(ErrorKind::invalid_argument,
            fmt::format("Parameter '{}' expects a non-negative number below 2^64", key))
          .with_hint("Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
                     "and exabytes, respectively.\n"));
}

std::optional<uint64_t> size_option(const ToolContext& context, std::string_view key,
                                    std::string_view text) {
  bool hex_with_suffix = false;
  const auto bytes = parse_size_option(key, text, &hex_with_suffix);
  if (hex_with_suffix) {
    warn_report(context, "Using a multiplier suffix on hex numbers is deprecated: {}", text);
  }
  if (bytes) return *bytes;
  error_report(context, bytes.error());
  return std::nullopt;
}

std::string human_size(uint64_t bytes) {
  static constexpr std::array units = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  size_t unit = 0;
  double value = static_cast<double>(bytes);
  // 1000, not 1024: three digits have to hold it.
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.3g} {}B", value, units[unit]);
}

}  // namespace oxbow::tools
