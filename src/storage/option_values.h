// Values of driver options as text, and the stock tools' words for bad ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace oxbow::storage {

/// "4096", "0x1000", "64k", "1.5M": bytes.
Result<uint64_t> parse_size_option(std::string_view key, const std::string& text);
/// A whole number; a negative one is taken modulo 2^64, as the stock tools do.
Result<uint64_t> parse_number_option(std::string_view key, const std::string& text);
/// "on" or "off", or one of the words that mean the same.
Result<bool> parse_switch_option(std::string_view key, const std::string& text);

}  // namespace oxbow::storage
