#include "codec/deflate_tokens.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>
#include <utility>

namespace oxbow::codec {
namespace {

// Blocks are made of pieces of this many tokens.
constexpr size_t piece_tokens = 1536;
// Literals in a row after which one place is left out, then two, and so on. Bytes.
constexpr uint32_t patience = 48;
// What the code lengths of a block cost, about. Bits.
constexpr float block_header = 500;

// x * log2(x), for the frequencies that a piece has.
const auto weighted_logs = [] {
  std::array<float, 2 * piece_tokens> table{};
  for (size_t x = 1; x < table.size(); ++x) {
    table[x] = static_cast<float>(x) * std::log2(static_cast<float>(x));
  }
  return table;
}();

float weighted_log(uint32_t x) {
  return x < weighted_logs.size() ? weighted_logs[x]
                                  : static_cast<float>(x) * std::log2(static_cast<float>(x));
}

// What ideal codes of these counts, and of both together, take. Bits.
struct Costs {
  float left = 0;
  float right = 0;
  float both = 0;
};

template <size_t n>
void add_costs(const std::array<uint32_t, n>& left, const std::array<uint32_t, n>& right,
               Costs& costs) {
  uint32_t left_sum = 0;
  uint32_t right_sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t l = left[i];
    const uint32_t r = right[i];
    left_sum += l;
    right_sum += r;
    costs.left -= weighted_log(l);
    costs.right -= weighted_log(r);
    costs.both -= weighted_log(l + r);
  }
  costs.left += weighted_log(left_sum);
  costs.right += weighted_log(right_sum);
  costs.both += weighted_log(left_sum + right_sum);
}

bool better_apart(const SymbolCounts& left, const SymbolCounts& right) {
  Costs costs;
  add_costs(left.literals, right.literals, costs);
  add_costs(left.distances, right.distances, costs);
  return costs.left + costs.right + block_header < costs.both;
}

}  // namespace

void SymbolCounts::add(const SymbolCounts& other) {
  for (size_t i = 0; i < literal_symbols; ++i) literals[i] += other.literals[i];
  for (size_t i = 0; i < distance_symbols; ++i) distances[i] += other.distances[i];
}

void DeflateParser::add_literal(std::byte value) {
  tokens_[used_++] = DeflateToken::literal(value);
  ++piece_.counts.literals[std::to_integer<size_t>(value)];
}

void DeflateParser::add_match(const Match& match) {
  tokens_[used_++] = DeflateToken::match(match);
  ++piece_.counts.literals[length_code(match.length).symbol];
  ++piece_.counts.distances[distance_code(match.distance).symbol];
}

// The tokens since the last piece join the block before them, or begin one.
void DeflateParser::end_piece() {
  piece_.tokens = used_ - piece_.first_token;
  if (blocks_.empty() || better_apart(blocks_.back().counts, piece_.counts)) {
    blocks_.push_back(piece_);
  } else {
    DeflateBlock& block = blocks_.back();
    block.tokens += piece_.tokens;
    block.bytes += piece_.bytes;
    block.counts.add(piece_.counts);
  }
  piece_ = {.first_token = used_};
}

bool DeflateParser::make_room(size_t tokens) {
  used_ = 0;
  blocks_.clear();
  piece_ = {};
  if (tokens_.size() >= tokens) return true;
  try {
    tokens_.resize(tokens);
    blocks_.reserve(tokens / piece_tokens + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

bool DeflateParser::parse(std::span<const std::byte> bytes, const SearchEffort& effort) {
  if (!make_room(bytes.size())) return false;
  finder_.start(bytes);
  const auto size = static_cast<uint32_t>(bytes.size());
  constexpr uint32_t none = MatchFinder::min_length - 1;
  uint32_t piece_begin = 0;
  uint32_t run_begin = 0;  // of literals
  for (uint32_t at = 0; at < size;) {
    if (used_ - piece_.first_token >= piece_tokens) {
      piece_.bytes = at - std::exchange(piece_begin, at);
      end_piece();
    }
    Match match = finder_.find(at, none, effort.nice, effort.tries);
    uint32_t visited = at + 1;
    while (match.length != 0 && match.length < std::min(effort.nice, effort.lazy)) {
      // Of the same length it may be nearer, and cheaper by that.
      const Match next = finder_.find(at + 1, match.length - 1, effort.nice, effort.tries / 2);
      visited = at + 2;
      if (next.length == 0) break;
      const int gain = 4 * (static_cast<int>(next.length) - static_cast<int>(match.length)) +
                       std::bit_width(match.distance) - std::bit_width(next.distance);
      if (gain <= 2) break;
      add_literal(bytes[at++]);
      match = next;
    }
    if (match.length == 0) {
      add_literal(bytes[at++]);
      // Where nothing is found for long, fewer places are looked at.
      for (uint32_t more = std::min((at - run_begin) / patience, size - at); more != 0; --more) {
        finder_.skip(at);
        add_literal(bytes[at++]);
      }
      continue;
    }
    add_match(match);
    at += match.length;
    for (; visited < at; ++visited) finder_.skip(visited);
    run_begin = at;
  }
  piece_.bytes = size - piece_begin;
  end_piece();
  return true;
}

}  // namespace oxbow::codec
