// Finding the first difference between what two stores say of the same bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace oxbow::storage {

/// The index of the first byte that differs; both are of one size.
[[nodiscard]] std::optional<size_t> first_mismatch(std::span<const std::byte> left,
                                                   std::span<const std::byte> right);

}  // namespace oxbow::storage
