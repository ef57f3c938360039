// Finding zero bytes in buffers: one pass, at memory speed, ended by the first byte that
// is not zero. Here because copy, compare and salvage all look for the same thing.
#pragma once

#include <cstddef>
#include <span>

namespace oxbow::jobs {

/// Whether every byte is zero; true for an empty span.
[[nodiscard]] bool is_zero(std::span<const std::byte> bytes);

/// Index of the first byte that is not zero; the span's size where there is none.
[[nodiscard]] size_t find_nonzero(std::span<const std::byte> bytes);

}  // namespace oxbow::jobs
