#include "codec/deflate_blocks.h"

#include <algorithm>
#include <utility>

#include "codec/huffman.h"

namespace oxbow::codec {
namespace {

constexpr size_t length_symbols = 19;
constexpr std::array<uint8_t, length_symbols> length_order = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                              11, 4,  12, 3, 13, 2, 14, 1, 15};
constexpr size_t all_literals = 288;  // two more than are used

// The codes of one block.
struct Codes {
  std::array<uint8_t, all_literals> literal_lengths{};
  std::array<uint16_t, all_literals> literal_codes{};
  std::array<uint8_t, distance_symbols> distance_lengths{};
  std::array<uint16_t, distance_symbols> distance_codes{};

  void make_codes() {
    huffman_codes(literal_lengths, literal_codes);
    huffman_codes(distance_lengths, distance_codes);
  }
};

Codes make_fixed() {
  Codes codes;
  for (size_t i = 0; i < all_literals; ++i) {
    codes.literal_lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  }
  codes.distance_lengths.fill(5);
  codes.make_codes();
  return codes;
}

const Codes fixed_codes = make_fixed();

// Bits of the tokens' codes and their extra bits.
uint64_t bits_with(const SymbolCounts& counts, const Codes& codes) {
  uint64_t bits = codes.literal_lengths[end_of_block];
  for (size_t i = 0; i < literal_symbols; ++i) {
    bits += uint64_t{counts.literals[i]} * codes.literal_lengths[i];
  }
  // Symbols 265 to 284 have an extra bit more every four.
  for (size_t i = 265; i < 285; ++i) bits += uint64_t{counts.literals[i]} * ((i - 261) / 4);
  for (size_t i = 0; i < distance_symbols; ++i) {
    bits += uint64_t{counts.distances[i]} * (codes.distance_lengths[i] + (i < 4 ? 0 : i / 2 - 1));
  }
  return bits;
}

// The lengths of a block's codes, as the block begins with them: run lengths, themselves coded.
class CodeLengths {
 public:
  explicit CodeLengths(const Codes& codes) {
    literals_ = count_used(std::span(codes.literal_lengths).first(literal_symbols), 257);
    distances_ = count_used(codes.distance_lengths, 1);
    std::array<uint8_t, literal_symbols + distance_symbols> all;
    std::copy_n(codes.literal_lengths.begin(), literals_, all.begin());
    std::copy_n(codes.distance_lengths.begin(), distances_, all.begin() + literals_);
    run_lengths(std::span(all).first(literals_ + distances_));
    huffman_lengths(counts_, 7, lengths_);
    huffman_codes(lengths_, codes_);
    sent_ = length_symbols;
    while (sent_ > 4 && lengths_[length_order[sent_ - 1]] == 0) --sent_;
  }

  [[nodiscard]] uint64_t bits() const {
    uint64_t bits = 5 + 5 + 4 + 3 * sent_;
    for (size_t i = 0; i < length_symbols; ++i) bits += uint64_t{counts_[i]} * lengths_[i];
    return bits + 2 * counts_[16] + 3 * counts_[17] + 7 * counts_[18];
  }

  void write(BitWriter& writer) const {
    writer.put(literals_ - 257, 5);
    writer.put(distances_ - 1, 5);
    writer.put(sent_ - 4, 4);
    writer.flush();
    for (size_t i = 0; i < sent_; ++i) {
      writer.put(lengths_[length_order[i]], 3);
      writer.flush();
    }
    for (size_t i = 0; i < items_; ++i) {
      const Item& item = list_[i];
      writer.put(codes_[item.symbol], lengths_[item.symbol]);
      if (item.symbol >= 16)
        writer.put(item.extra, item.symbol == 16 ? 2 : item.symbol == 17 ? 3 : 7);
      writer.flush();
    }
  }

 private:
  struct Item {
    uint8_t symbol;
    uint8_t extra;
  };

  static size_t count_used(std::span<const uint8_t> lengths, size_t least) {
    size_t count = lengths.size();
    while (count > least && lengths[count - 1] == 0) --count;
    return count;
  }

  void add(size_t symbol, size_t extra) {
    list_[items_++] = {static_cast<uint8_t>(symbol), static_cast<uint8_t>(extra)};
    ++counts_[symbol];
  }

  void run_lengths(std::span<const uint8_t> all) {
    for (size_t i = 0; i < all.size();) {
      const uint8_t length = all[i];
      size_t run = 1;
      while (i + run < all.size() && all[i + run] == length) ++run;
      i += run;
      if (length == 0) {
        for (; run >= 11; run -= std::min<size_t>(run, 138))
          add(18, std::min<size_t>(run, 138) - 11);
        if (run >= 3) add(17, std::exchange(run, 0) - 3);
      } else {
        add(length, 0);
        for (--run; run >= 3; run -= std::min<size_t>(run, 6))
          add(16, std::min<size_t>(run, 6) - 3);
      }
      for (; run != 0; --run) add(length, 0);
    }
  }

  size_t literals_;
  size_t distances_;
  size_t sent_;
  std::array<Item, literal_symbols + distance_symbols> list_;
  size_t items_ = 0;
  std::array<uint32_t, length_symbols> counts_{};
  std::array<uint8_t, length_symbols> lengths_{};
  std::array<uint16_t, length_symbols> codes_{};
};

void write_tokens(BitWriter& writer, std::span<const DeflateToken> tokens, const Codes& codes) {
  for (const DeflateToken token : tokens) {
    if (token.length() == 0) {
      writer.put(codes.literal_codes[token.value()], codes.literal_lengths[token.value()]);
      writer.flush();
      continue;
    }
    const SymbolCode length = length_code(token.length());
    writer.put(codes.literal_codes[length.symbol], codes.literal_lengths[length.symbol]);
    writer.put(token.length() - length.base, length.extra_bits);
    const SymbolCode distance = distance_code(token.distance());
    writer.put(codes.distance_codes[distance.symbol], codes.distance_lengths[distance.symbol]);
    writer.put(token.distance() - distance.base, distance.extra_bits);
    writer.flush();
  }
  writer.put(codes.literal_codes[end_of_block], codes.literal_lengths[end_of_block]);
  writer.flush();
}

constexpr size_t most_stored = 65535;

void write_stored(BitWriter& writer, std::span<const std::byte> bytes, bool last) {
  do {
    const auto part = bytes.first(std::min(bytes.size(), most_stored));
    bytes = bytes.subspan(part.size());
    writer.put(last && bytes.empty() ? 1 : 0, 3);
    writer.align();
    writer.put(part.size(), 16);
    writer.put(~part.size() & 0xffff, 16);
    writer.flush();
    writer.append(part);
  } while (!bytes.empty());
}

}  // namespace

bool write_block(BitWriter& writer, const DeflateBlock& block, std::span<const DeflateToken> tokens,
                 std::span<const std::byte> bytes, bool last, uint64_t& room) {
  Codes own;
  SymbolCounts counts = block.counts;
  counts.literals[end_of_block] = 1;
  huffman_lengths(counts.literals, 15, std::span(own.literal_lengths).first(literal_symbols));
  huffman_lengths(counts.distances, 15, own.distance_lengths);
  const CodeLengths header(own);
  const uint64_t dynamic = 3 + header.bits() + bits_with(block.counts, own);
  const uint64_t fixed = 3 + bits_with(block.counts, fixed_codes);
  const uint64_t stored = (bytes.size() + 5 * (bytes.size() / most_stored + 1)) * 8 + 7;
  const uint64_t best = std::min({dynamic, fixed, stored});
  if (best > room) return false;
  room -= best;
  if (best == stored) {
    write_stored(writer, bytes, last);
    return true;
  }
  writer.put((last ? 1 : 0) | (best == fixed ? 2 : 4), 3);
  writer.flush();
  if (best == fixed) {
    write_tokens(writer, tokens, fixed_codes);
  } else {
    own.make_codes();
    header.write(writer);
    write_tokens(writer, tokens, own);
  }
  return true;
}

}  // namespace oxbow::codec
