#include "format/vpc/footer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::vpc {
namespace {

constexpr std::string_view cookie = "conectix";
constexpr std::string_view dynamic_cookie = "cxsparse";
constexpr size_t checksum_offset = 64;
/// More entries than stock keeps in memory are not asked for.
constexpr uint32_t max_table_entries = INT32_MAX / 4;

// The programs that take the size from the field, and write a geometry beside it.
constexpr std::string_view sized_by_field[] = {
    {"win ", 4}, {"d2v ", 4}, {"qem2", 4}, {"tap\0", 4}, {"CTXS", 4}};

bool has_cookie(std::span<const std::byte> bytes, std::string_view word) {
  return std::memcmp(bytes.data(), word.data(), word.size()) == 0;
}

Task<FooterBytes> read_sector(storage::Source& file, uint64_t offset) {
  FooterBytes bytes{};
  const iovec into = io_slice(std::span<std::byte>(bytes));
  CO_TRY(co_await file.read(offset, IoSpan(&into, 1)));
  co_return bytes;
}

uint32_t type_of(const FooterBytes& footer) { return load_be<uint32_t>(footer.data() + 60); }

// The copy at the beginning, or the one of a fixed disk, which has only that at the end.
Task<FooterBytes> read_footer(storage::Source& file) {
  CO_TRY_ASSIGN(FooterBytes footer, co_await read_sector(file, 0));
  if (!has_cookie(footer, cookie)) {
    if (file.size() < sector) co_return corrupt("File too small for a VHD header");
    CO_TRY_ASSIGN(footer, co_await read_sector(file, file.size() - sector));
    if (!has_cookie(footer, cookie) || type_of(footer) != type_fixed) {
      co_return corrupt("invalid VPC image");
    }
  }
  if (load_be<uint32_t>(footer.data() + checksum_offset) != checksum(footer, checksum_offset)) {
    co_return corrupt("Incorrect header checksum");
  }
  co_return footer;
}

uint64_t size_of(const FooterBytes& footer, SizeRule rule) {
  const DiskGeometry geometry{load_be<uint16_t>(footer.data() + 56),
                              std::to_integer<uint32_t>(footer[58]),
                              std::to_integer<uint32_t>(footer[59])};
  const std::string_view creator(reinterpret_cast<const char*>(footer.data()) + 28, 4);
  const bool by_field = rule == SizeRule::current_size ||
                        (rule == SizeRule::automatic &&
                         (std::ranges::find(sized_by_field, creator) != std::end(sized_by_field) ||
                          geometry.total() == max_geometry.total()));
  if (!by_field) return geometry.total() * sector;
  return align_down(load_be<uint64_t>(footer.data() + 48), sector);
}

Result<void> check_dynamic(const DynamicHeader& header, uint64_t size) {
  if (!std::has_single_bit(header.block_size) || header.block_size < sector) {
    return corrupt("Invalid block size " + std::to_string(header.block_size));
  }
  if (uint64_t{header.table_entries} * header.block_size < size) {
    return corrupt("Page table too small");
  }
  if (header.table_entries > max_table_entries) {
    return corrupt("Max Table Entries too large (" +
                   std::to_string(static_cast<int32_t>(header.table_entries)) + ")");
  }
  if (header.table_offset > INT64_MAX - uint64_t{header.table_entries} * 4 - sector) {
    return corrupt("Error reading pagetable");
  }
  return {};
}

Task<DynamicHeader> read_dynamic(storage::Source& file, const FooterBytes& footer, uint64_t size) {
  const auto offset = load_be<uint64_t>(footer.data() + 16);
  if (offset > INT64_MAX - 2 * uint64_t{sector}) {
    co_return corrupt("Error reading dynamic VHD header");
  }
  CO_TRY_ASSIGN(const FooterBytes bytes, co_await read_sector(file, offset));
  if (!has_cookie(bytes, dynamic_cookie)) co_return corrupt("Invalid header magic");
  DynamicHeader header;
  header.table_offset = load_be<uint64_t>(bytes.data() + 16);
  header.table_entries = load_be<uint32_t>(bytes.data() + 28);
  header.block_size = load_be<uint32_t>(bytes.data() + 32);
  CO_TRY(check_dynamic(header, size));
  co_return header;
}

}  // namespace

DiskGeometry geometry_of(uint64_t sectors) {
  sectors = std::min(sectors, max_geometry.total());
  DiskGeometry out{0, 16, 255};
  if (sectors > uint64_t{65535} * 16 * 63) {
    out.cylinders = static_cast<uint32_t>(sectors / 255 / 16);
    return out;
  }
  out.sectors = 17;
  uint64_t tracks = sectors / 17;
  out.heads = static_cast<uint32_t>(std::max<uint64_t>((tracks + 1023) / 1024, 4));
  if (tracks >= uint64_t{out.heads} * 1024 || out.heads > 16) {
    out = {0, 16, 31};
    tracks = sectors / 31;
  }
  if (tracks >= uint64_t{out.heads} * 1024) {
    out = {0, 16, 63};
    tracks = sectors / 63;
  }
  out.cylinders = static_cast<uint32_t>(tracks / out.heads);
  return out;
}

uint32_t checksum(std::span<const std::byte> bytes, size_t offset) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i < offset || i >= offset + 4) sum += std::to_integer<uint32_t>(bytes[i]);
  }
  return ~sum;
}

FooterBytes encode(const Footer& footer) {
  FooterBytes out{};
  std::byte* raw = out.data();
  std::memcpy(raw, cookie.data(), cookie.size());
  store_be<uint32_t>(raw + 8, 2);  // a reserved bit that is always set
  store_be<uint32_t>(raw + 12, 0x00010000);
  store_be(raw + 16, footer.data_offset);
  store_be(raw + 24, footer.timestamp);
  std::memcpy(raw + 28, footer.creator.data(), footer.creator.size());
  store_be<uint32_t>(raw + 32, 0x00050003);
  std::memcpy(raw + 36, "Wi2k", 4);
  store_be(raw + 40, footer.current_size);
  store_be(raw + 48, footer.current_size);
  store_be(raw + 56, static_cast<uint16_t>(footer.geometry.cylinders));
  raw[58] = static_cast<std::byte>(footer.geometry.heads);
  raw[59] = static_cast<std::byte>(footer.geometry.sectors);
  store_be(raw + 60, footer.type);
  std::memcpy(raw + 68, footer.uuid.data(), footer.uuid.size());
  store_be(raw + checksum_offset, checksum(out, checksum_offset));
  return out;
}

Task<VpcHeader> read_header(storage::Source& file, SizeRule rule) {
  VpcHeader header;
  CO_TRY_ASSIGN(header.footer, co_await read_footer(file));
  const uint32_t type = type_of(header.footer);
  header.fixed = type == type_fixed;
  header.size = size_of(header.footer, rule);
  if (header.size > max_size) {
    co_return fail(ErrorKind::unsupported,
                   "Could not open '" + file.filename() + "': File too large", EFBIG);
  }
  if (type == type_differencing) {
    co_return fail(ErrorKind::unsupported,
                   "'" + file.filename() +
                       "' is a differencing VHD: what its parent holds would read as zeroes",
                   ENOTSUP);
  }
  if (header.fixed) co_return header;
  CO_TRY_ASSIGN(header.dynamic, co_await read_dynamic(file, header.footer, header.size));
  co_return header;
}

}  // namespace oxbow::format::vpc
