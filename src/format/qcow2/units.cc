#include "format/qcow2/units.h"

#include <charconv>

namespace oxbow::format::qcow2 {

std::string hex(uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return "0x" + std::string(digits, end);
}

std::string hex_or_zero(uint64_t value) { return value == 0 ? "0" : hex(value); }

}  // namespace oxbow::format::qcow2
