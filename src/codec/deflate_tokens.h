// A buffer as deflate sees it: literals and matches, and how often each symbol occurs.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "codec/match_finder.h"

namespace oxbow::codec {

/// A literal byte, or a match.
class DeflateToken {
 public:
  DeflateToken() = default;
  static DeflateToken literal(std::byte value) {
    return DeflateToken(std::to_integer<uint32_t>(value));
  }
  static DeflateToken match(const Match& match) {
    return DeflateToken(match.length << 16 | match.distance);
  }
  /// Bytes that it stands for, as a match; 0: a literal.
  [[nodiscard]] uint32_t length() const { return bits_ >> 16; }
  [[nodiscard]] uint32_t distance() const { return bits_ & 0xffff; }
  [[nodiscard]] uint32_t value() const { return bits_; }

 private:
  explicit DeflateToken(uint32_t bits) : bits_(bits) {}
  uint32_t bits_ = 0;
};

/// The symbol of a match's length (3 to 258) or distance, and the extra bits that go with it.
struct SymbolCode {
  uint16_t symbol;
  uint8_t extra_bits;
  uint16_t base;
};

constexpr SymbolCode make_length_code(uint32_t length) {
  if (length == 258) return {285, 0, 258};
  const uint32_t from = length - 3;
  if (from < 8) return {static_cast<uint16_t>(257 + from), 0, static_cast<uint16_t>(length)};
  const auto extra = static_cast<uint32_t>(std::bit_width(from)) - 3;
  const uint32_t step = from >> extra;  // 4 to 7
  return {static_cast<uint16_t>(257 + 4 * extra + step), static_cast<uint8_t>(extra),
          static_cast<uint16_t>((step << extra) + 3)};
}

inline constexpr auto length_codes = [] {
  std::array<SymbolCode, MatchFinder::max_length + 1> codes{};
  for (uint32_t length = 3; length <= MatchFinder::max_length; ++length) {
    codes[length] = make_length_code(length);
  }
  return codes;
}();

[[nodiscard]] inline SymbolCode length_code(uint32_t length) { return length_codes[length]; }

inline constexpr auto distance_codes = [] {
  std::array<SymbolCode, MatchFinder::window + 1> codes{};
  for (uint32_t distance = 1; distance <= MatchFinder::window; ++distance) {
    const uint32_t from = distance - 1;
    if (from < 4) {
      codes[distance] = {static_cast<uint16_t>(from), 0, static_cast<uint16_t>(distance)};
      continue;
    }
    const auto extra = static_cast<uint32_t>(std::bit_width(from)) - 2;
    const uint32_t step = from >> extra;  // 2 or 3
    codes[distance] = {static_cast<uint16_t>(2 * extra + step), static_cast<uint8_t>(extra),
                       static_cast<uint16_t>((step << extra) + 1)};
  }
  return codes;
}();

[[nodiscard]] inline SymbolCode distance_code(uint32_t distance) {
  return distance_codes[distance];
}

inline constexpr size_t literal_symbols = 286;  // bytes, the block's end, lengths
inline constexpr size_t distance_symbols = 30;
inline constexpr uint32_t end_of_block = 256;

/// How often each symbol occurs in a row of tokens.
struct SymbolCounts {
  std::array<uint32_t, literal_symbols> literals{};
  std::array<uint32_t, distance_symbols> distances{};
  void add(const SymbolCounts& other);
};

/// Tokens that are coded alike.
struct DeflateBlock {
  size_t first_token = 0;
  size_t tokens = 0;
  size_t bytes = 0;  ///< that they stand for
  SymbolCounts counts;
};

/// How hard to look for matches.
struct SearchEffort {
  uint32_t tries;  ///< candidates a position
  uint32_t nice;   ///< bytes; a match this long is taken at once
  uint32_t lazy;   ///< bytes; a shorter match waits for a better one at the next byte
};

/// Reused from buffer to buffer; about 40 KiB, and 4 bytes a token.
class DeflateParser {
 public:
  /// Parses `bytes`, at most 2^22 of them, into blocks. False where there is no memory.
  bool parse(std::span<const std::byte> bytes, const SearchEffort& effort);
  [[nodiscard]] std::span<const DeflateToken> tokens() const {
    return std::span(tokens_).first(used_);
  }
  [[nodiscard]] std::span<const DeflateBlock> blocks() const { return blocks_; }

 private:
  void add_literal(std::byte value);
  void add_match(const Match& match);
  void end_piece();
  bool make_room(size_t tokens);

  MatchFinder finder_;
  std::vector<DeflateToken> tokens_;  // of which `used_` count
  size_t used_ = 0;
  std::vector<DeflateBlock> blocks_;
  DeflateBlock piece_;  // the last tokens, which do not belong to a block yet
};

}  // namespace oxbow::codec
