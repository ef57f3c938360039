// Numbers, patterns and flags of a command, as the stock shell reads them. Whatever is wrong
// is told on stdout in its words.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "command.h"

namespace oxbow::tools::io {

/// No synchronous request may be longer than this, in bytes.
inline constexpr uint64_t max_request = 2147483136;

/// A count of bytes; `shown` is what a message quotes, where that is not `text`.
std::optional<uint64_t> parse_number(const Shell& shell, const char* text,
                                     const char* shown = nullptr);
/// A byte to fill or compare with: 0 to 255, decimal, 0x or 0.
std::optional<uint8_t> parse_pattern(const char* text);

/// The flags of one call, by getopt; operands stay behind.
class Flags {
 public:
  static constexpr int end = -1;
  Flags(const Call& call, const char* letters);
  /// The next letter, '?' after a mistake that getopt has told, or `end`.
  int next();
  [[nodiscard]] const char* argument() const;
  /// The operands; valid after `end`.
  [[nodiscard]] int operands() const;
  [[nodiscard]] const char* operand(int index) const;

 private:
  const Call& call_;
  const char* letters_;
};

/// The lengths of a vector request from operand `first` on; told and empty where one is
/// wrong or they are too many bytes together.
std::vector<uint64_t> parse_lengths(const Shell& shell, const Flags& flags, int first);

/// Whether `value` is a multiple of 512; told otherwise.
bool check_sector_aligned(uint64_t value, const char* name);

}  // namespace oxbow::tools::io
