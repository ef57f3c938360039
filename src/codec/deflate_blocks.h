// Tokens into deflate blocks: stored, with the fixed codes, or with codes of their own.
#pragma once

#include <cstddef>
#include <span>

#include "codec/bit_writer.h"
#include "codec/deflate_tokens.h"

namespace oxbow::codec {

/// Writes `block` of `tokens`, which stands for `bytes`, in the cheapest way. False, and the
/// writer's contents mean nothing, where it would take more than `room` bits; `room` becomes
/// what is left.
bool write_block(BitWriter& writer, const DeflateBlock& block, std::span<const DeflateToken> tokens,
                 std::span<const std::byte> bytes, bool last, uint64_t& room);

}  // namespace oxbow::codec
