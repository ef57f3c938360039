// Sizes as the stock tools read and print them. Units are powers of 1024.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "command_line.h"

namespace oxbow::tools {

enum class SizeError { invalid, out_of_range };

/// A number of bytes, or of `unit` where no suffix follows: "64M", "1.5k", "0x200", "512b".
/// No suffix stands for more than one letter; case does not matter; a fraction must leave
/// no bare bytes ("1.5" is invalid). `hex_with_suffix` is set for the deprecated "0x1k".
std::expected<uint64_t, SizeError> parse_size(std::string_view text, char unit = 'B',
                                              bool* hex_with_suffix = nullptr);

/// A command line's size between `min` and `max`; a bad one is reported as
/// "Invalid <what> specified. ..." and gives nothing.
std::optional<uint64_t> size_argument(const ToolContext& context, std::string_view what,
                                      const char* text, uint64_t min = 0, uint64_t max = INT64_MAX);

/// The value of option `key` as it stands in a list of key=value; the stock tool's sentence, with
/// its hint, where it is no size.
Result<uint64_t> parse_size_option(std::string_view key, std::string_view text,
                                   bool* hex_with_suffix = nullptr);

/// The same, reported where it is no size.
std::optional<uint64_t> size_option(const ToolContext& context, std::string_view key,
                                    std::string_view text);

/// Three significant digits and a unit: "64 MiB", "196 KiB", "0 B", "1.5 KiB".
std::string human_size(uint64_t bytes);

}  // namespace oxbow::tools
