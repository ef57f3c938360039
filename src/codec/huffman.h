// Prefix codes of limited length from symbol frequencies, in deflate's canonical form.
#pragma once

#include <cstdint>
#include <span>

namespace oxbow::codec {

/// Fills `lengths` (bits a symbol, 0 for symbols that do not occur) with an optimal code of at
/// most `max_length` bits, or nearly optimal where the limit is met. At least one symbol gets a
/// code. At most 288 symbols whose frequencies sum up to less than 2^23.
void huffman_lengths(std::span<const uint32_t> frequencies, unsigned max_length,
                     std::span<uint8_t> lengths);

/// The codes of these lengths, their bits reversed, as they go into the stream.
void huffman_codes(std::span<const uint8_t> lengths, std::span<uint16_t> codes);

}  // namespace oxbow::codec
