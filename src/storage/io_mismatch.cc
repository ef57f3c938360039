#include "storage/io_mismatch.h"

#include <algorithm>
#include <cstring>

namespace oxbow::storage {

std::optional<size_t> first_mismatch(std::span<const std::byte> left,
                                     std::span<const std::byte> right) {
  if (std::memcmp(left.data(), right.data(), left.size()) == 0) return std::nullopt;
  return std::ranges::mismatch(left, right).in1 - left.begin();
}

}  // namespace oxbow::storage
