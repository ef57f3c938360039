#include "format/dmg/tables.h"

#include <array>

#include "base/bytes.h"

namespace oxbow::format::dmg {
namespace {

constexpr uint32_t fork_data_offset = 256;
constexpr int not_base64 = -1;

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : not_base64;
}

// White space and whatever else is no digit is skipped, as readers of such lists do.
Table from_base64(std::string_view text) {
  Table bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const int value = base64_value(c);
    if (value == not_base64) continue;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> count & 0xff));
  }
  return bytes;
}

}  // namespace

Result<std::vector<Table>> tables_of_list(std::string_view list) {
  constexpr std::string_view opening = "<data>";
  constexpr std::string_view closing = "</data>";
  std::vector<Table> tables;
  for (size_t at = list.find(opening); at != list.npos; at = list.find(opening, at)) {
    at += opening.size();
    const size_t end = list.find(closing, at);
    if (end == list.npos) {
      return fail(ErrorKind::corrupt, "dmg: a <data> element of the property list has no end",
                  EINVAL);
    }
    tables.push_back(from_base64(list.substr(at, end - at)));
    at = end;
  }
  return tables;
}

Result<std::vector<Table>> tables_of_fork(std::span<const std::byte> fork) {
  auto invalid = [](const char* what) {
    return fail(ErrorKind::corrupt, std::string("dmg: resource fork: ") + what, EINVAL);
  };
  if (fork.size() < fork_data_offset + 4) return invalid("it is too short");
  if (load_be<uint32_t>(fork.data()) != fork_data_offset) {
    return invalid("the offset of its data is not 256");
  }
  const uint64_t length = load_be<uint32_t>(fork.data() + 8);
  if (length == 0 || length > fork.size() - fork_data_offset) {
    return invalid("the length of its data is beyond its end");
  }
  std::span<const std::byte> data = fork.subspan(fork_data_offset, length);
  std::vector<Table> tables;
  while (!data.empty()) {
    if (data.size() < 4) return invalid("a piece of its data has no length");
    const uint64_t size = load_be<uint32_t>(data.data());
    if (size == 0 || size > data.size() - 4) {
      return invalid("the length of a piece of its data is beyond its end");
    }
    const auto piece = data.subspan(4, size);
    tables.emplace_back(piece.begin(), piece.end());
    data = data.subspan(4 + size);
  }
  return tables;
}

}  // namespace oxbow::format::dmg
