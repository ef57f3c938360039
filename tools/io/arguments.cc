#include "arguments.h"

#include <getopt.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../sizes.h"

namespace oxbow::tools::io {

std::optional<uint64_t> parse_number(const Shell& shell, const char* text, const char* shown) {
  uint64_t plain = 0;
  const char* at = text;
  while (*at >= '0' && *at <= '9' && at - text < 18) plain = plain * 10 + uint64_t(*at++ - '0');
  if (*at == '\0' && at != text) return plain;

  if (shown == nullptr) shown = text;
  bool hex_with_suffix = false;
  const auto size = parse_size(text, 'B', &hex_with_suffix);
  if (hex_with_suffix) {
    warn_report(shell.context, "Using a multiplier suffix on hex numbers is deprecated: {}", text);
  }
  const bool too_large = size ? *size > INT64_MAX : size.error() == SizeError::out_of_range;
  if (too_large) {
    fmt::print("Parsing error: argument too large -- {}\n", shown);
    return std::nullopt;
  }
  if (!size) {
    fmt::print("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- {}\n",
               shown);
    return std::nullopt;
  }
  return *size;
}

std::optional<uint8_t> parse_pattern(const char* text) {
  char* end = nullptr;
  errno = 0;
  const long value = std::strtol(text, &end, 0);
  if (errno != 0 || end == text || *end != '\0' || value < 0 || value > 255) {
    fmt::print("{} is not a valid pattern byte\n", text);
    return std::nullopt;
  }
  return static_cast<uint8_t>(value);
}

Flags::Flags(const Call& call, const char* letters) : call_(call), letters_(letters) {
  optind = 0;  // glibc: forget the call before
}

int Flags::next() { return getopt(call_.argc, call_.argv, letters_); }
const char* Flags::argument() const { return optarg; }
int Flags::operands() const { return call_.argc - optind; }
const char* Flags::operand(int index) const { return call_.argv[optind + index]; }

std::vector<uint64_t> parse_lengths(const Shell& shell, const Flags& flags, int first) {
  std::vector<uint64_t> lengths;
  uint64_t total = 0;
  for (int i = first; i < flags.operands(); ++i) {
    const auto length = parse_number(shell, flags.operand(i));
    if (!length) return {};
    if (*length > max_request) {
      fmt::print("Argument '{}' exceeds maximum size {}\n", flags.operand(i), max_request);
      return {};
    }
    total += *length;
    if (total > max_request) {
      fmt::print("The total number of bytes exceed the maximum size {}\n", max_request);
      return {};
    }
    lengths.push_back(*length);
  }
  return lengths;
}

bool check_sector_aligned(uint64_t value, const char* name) {
  if (value % 512 == 0) return true;
  fmt::print("{} is not a sector-aligned value for '{}'\n", value, name);
  return false;
}

}  // namespace oxbow::tools::io
