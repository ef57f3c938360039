#include "codec/huffman.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace oxbow::codec {
namespace {

constexpr size_t max_symbols = 288;
constexpr unsigned symbol_bits = 9;
constexpr unsigned longest = 15;

// Depths of the leaves of an optimal tree, in place: `weights` ascend on entry, and hold the
// depth of each afterwards (Moffat and Katajainen, "In-place calculation of minimum-redundancy
// codes", 1995). At least two.
void depths_in_place(std::span<uint32_t> weights) {
  const size_t count = weights.size();
  size_t root = 0;
  size_t leaf = 0;
  // Internal nodes by weight; then their parents.
  for (size_t next = 0; next + 1 < count; ++next) {
    uint32_t sum = 0;
    for (int child = 0; child < 2; ++child) {
      if (leaf >= count || (root < next && weights[root] < weights[leaf])) {
        sum += weights[root];
        weights[root++] = static_cast<uint32_t>(next);
      } else {
        sum += weights[leaf++];
      }
    }
    weights[next] = sum;
  }
  // Depths of internal nodes.
  weights[count - 2] = 0;
  for (size_t next = count - 2; next-- > 0;) weights[next] = weights[weights[next]] + 1;
  // Depths of leaves.
  size_t available = 1;
  uint32_t depth = 0;
  ptrdiff_t node = static_cast<ptrdiff_t>(count) - 2;
  ptrdiff_t next = static_cast<ptrdiff_t>(count) - 1;
  while (available > 0) {
    size_t used = 0;
    while (node >= 0 && weights[static_cast<size_t>(node)] == depth) {
      ++used;
      --node;
    }
    for (; available > used; --available) weights[static_cast<size_t>(next--)] = depth;
    available = 2 * used;
    ++depth;
  }
}

// How many codes of each length, none above the limit. What is too long is cut; then the sum of
// 2^-length is brought back to 1, a unit of 2^-max_length at a time: a code one bit longer makes
// room for itself and for one of the longest.
std::array<uint32_t, longest + 1> limit_lengths(std::span<const uint32_t> depths,
                                                unsigned max_length) {
  std::array<uint32_t, longest + 1> counts{};
  uint32_t sum = 0;  // in units of 2^-max_length
  for (const uint32_t depth : depths) {
    const unsigned length = std::min(depth, max_length);
    ++counts[length];
    sum += uint32_t{1} << (max_length - length);
  }
  for (; sum > uint32_t{1} << max_length; --sum) {
    unsigned length = max_length - 1;
    while (counts[length] == 0) --length;
    --counts[length];
    counts[length + 1] += 2;
    --counts[max_length];
  }
  return counts;
}

}  // namespace

void huffman_lengths(std::span<const uint32_t> frequencies, unsigned max_length,
                     std::span<uint8_t> lengths) {
  std::array<uint32_t, max_symbols> order;  // frequency and symbol
  size_t count = 0;
  for (size_t symbol = 0; symbol < frequencies.size(); ++symbol) {
    lengths[symbol] = 0;
    if (frequencies[symbol] == 0) continue;
    order[count++] = frequencies[symbol] << symbol_bits | static_cast<uint32_t>(symbol);
  }
  if (count < 2) {
    // A code of two, so that every reader finds it complete.
    const size_t only = count == 1 ? order[0] & ((1U << symbol_bits) - 1) : 0;
    lengths[only] = 1;
    lengths[only == 0 ? 1 : 0] = 1;
    return;
  }
  std::sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count));
  std::array<uint32_t, max_symbols> weights;
  for (size_t i = 0; i < count; ++i) weights[i] = order[i] >> symbol_bits;
  depths_in_place(std::span(weights).first(count));
  const auto counts = limit_lengths(std::span(weights).first(count), max_length);
  // The rarest get the longest.
  size_t at = 0;
  for (unsigned length = max_length; length > 0; --length) {
    for (uint32_t i = 0; i < counts[length]; ++i, ++at) {
      lengths[order[at] & ((1U << symbol_bits) - 1)] = static_cast<uint8_t>(length);
    }
  }
}

void huffman_codes(std::span<const uint8_t> lengths, std::span<uint16_t> codes) {
  std::array<uint16_t, longest + 2> next{};
  for (const uint8_t length : lengths) ++next[length + 1U];
  next[1] = 0;  // symbols without a code
  for (unsigned length = 1; length <= longest; ++length) {
    next[length + 1] = static_cast<uint16_t>((next[length] + next[length + 1]) << 1);
  }
  for (size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    const unsigned length = lengths[symbol];
    if (length == 0) continue;
    const uint16_t code = next[length]++;
    uint16_t reversed = 0;
    for (unsigned bit = 0; bit < length; ++bit) {
      reversed = static_cast<uint16_t>(reversed << 1 | ((code >> bit) & 1));
    }
    codes[symbol] = reversed;
  }
}

}  // namespace oxbow::codec
