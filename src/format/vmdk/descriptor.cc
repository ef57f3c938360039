#include "format/vmdk/descriptor.h"

#include <cerrno>
#include <charconv>
#include <optional>

#include "base/corrupt.h"

namespace oxbow::format::vmdk {
namespace {

constexpr size_t max_extents = 65536;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  size_t end = 0;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

// A name between quotes, blanks and all.
std::optional<std::string> take_quoted(std::string_view& line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  if (!line.starts_with('"')) return std::nullopt;
  const size_t end = line.find('"', 1);
  if (end == line.npos || end == 1) return std::nullopt;
  std::string name(line.substr(1, end - 1));
  line.remove_prefix(end + 1);
  return name;
}

std::optional<uint64_t> number_of(std::string_view word) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (word.empty() || error != std::errc() || end != word.data() + word.size()) {
    return std::nullopt;
  }
  return number;
}

// The value of a line `key="value"`; nothing where there is no such line.
std::optional<std::string> quoted_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    if (!line.starts_with("=\"")) continue;
    line.remove_prefix(2);
    return std::string(line.substr(0, line.find('"')));
  }
  return std::nullopt;
}

std::optional<uint32_t> hex_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
    if (error == std::errc() && end != line.data()) return value;
  }
  return std::nullopt;
}

// Lines that are no extents, or ones that may not be used, give nothing.
Result<std::optional<ExtentLine>> parse_extent(std::string_view line) {
  const std::string whole(line);
  if (take_word(line) != "RW") return std::nullopt;
  const auto sectors = number_of(take_word(line));
  ExtentLine extent;
  extent.type = take_word(line);
  auto file = take_quoted(line);
  if (!sectors || *sectors == 0 || !file) return std::nullopt;
  const std::string_view last = take_word(line);
  const auto offset = number_of(last);
  const bool flat = extent.type == "FLAT";
  const bool known = flat || extent.type == "VMFS" || extent.type == "SPARSE" ||
                     extent.type == "VMFSSPARSE" || extent.type == "SESPARSE";
  if (!known || flat != offset.has_value() || (!flat && !last.empty())) {
    return corrupt("Invalid extent line: " + whole);
  }
  constexpr uint64_t most = uint64_t{1} << 53;  // sectors: in bytes it is below 2^62
  if (*sectors > most || offset.value_or(0) > most) {
    return corrupt("Invalid extent line: " + whole);
  }
  extent.sectors = *sectors;
  extent.file = std::move(*file);
  extent.offset = offset.value_or(0);
  return extent;
}

}  // namespace

Result<Descriptor> parse_descriptor(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  Descriptor out;
  const auto cid = hex_value(text, "CID=");
  const auto parent = hex_value(text, "parentCID=");
  auto type = quoted_value(text, "createType");
  if (!type || !cid || !parent) return corrupt("invalid VMDK image descriptor");
  out.cid = *cid;
  out.parent_cid = *parent;
  out.create_type = std::move(*type);
  out.parent_file = quoted_value(text, "parentFileNameHint").value_or("");
  while (!text.empty()) {
    TRY_ASSIGN(auto extent, parse_extent(take_line(text)));
    if (!extent) continue;
    if (out.extents.size() == max_extents)
      return corrupt("the VMDK descriptor has too many extents");
    out.extents.push_back(std::move(*extent));
  }
  return out;
}

CidPlace find_cid(std::string_view text) {
  constexpr std::string_view key = "CID=";
  for (size_t at = text.find(key); at != text.npos; at = text.find(key, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;  // parentCID
    const size_t first = at + key.size();
    const size_t end = text.find_first_not_of("0123456789abcdefABCDEF", first);
    return {first, (end == text.npos ? text.size() : end) - first};
  }
  return {};
}

}  // namespace oxbow::format::vmdk
