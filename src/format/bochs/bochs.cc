#include "format/bochs/bochs.h"

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::bochs {
namespace {

constexpr uint64_t sector = 512;
constexpr uint32_t absent = 0xffffffff;
constexpr uint32_t max_catalog = 1 << 20;      // entries: 4 MiB of the file
constexpr uint32_t max_extent_size = 8 << 20;  // bytes

// Where the fields are; little-endian.
constexpr size_t type_at = 32;
constexpr size_t subtype_at = 48;
constexpr size_t version_at = 64;
constexpr size_t header_size_at = 68;
constexpr size_t catalog_at = 72;
constexpr size_t bitmap_at = 76;
constexpr size_t extent_at = 80;
constexpr size_t disk_at_v1 = 84;
constexpr size_t disk_at_v2 = 88;  // a time comes before it
constexpr uint32_t version1 = 0x00010000;
constexpr uint32_t version2 = 0x00020000;

using HeaderBytes = std::array<std::byte, sector>;

// The text in a field of `length` bytes ends at its first zero byte.
bool holds(const HeaderBytes& bytes, size_t offset, size_t length, std::string_view text) {
  const auto* field = reinterpret_cast<const char*>(bytes.data()) + offset;
  return std::string_view(field, ::strnlen(field, length)) == text;
}

Result<Header> parse(const HeaderBytes& bytes) {
  const auto version = load_le<uint32_t>(&bytes[version_at]);
  const bool ours =
      holds(bytes, 0, type_at, "Bochs Virtual HD Image") && holds(bytes, type_at, 16, "Redolog") &&
      holds(bytes, subtype_at, 16, "Growing") && (version == version1 || version == version2);
  if (!ours) return corrupt("Image not in Bochs format");
  Header header;
  header.catalog_offset = load_le<uint32_t>(&bytes[header_size_at]);
  header.catalog_entries = load_le<uint32_t>(&bytes[catalog_at]);
  header.extent_size = load_le<uint32_t>(&bytes[extent_at]);
  // None at all counts as 2^32 bytes, as the stock tools have it.
  header.bitmap_size =
      (uint64_t{(load_le<uint32_t>(&bytes[bitmap_at]) - 1) / uint32_t{sector}} + 1) * sector;
  header.disk_size =
      align_down(load_le<uint64_t>(&bytes[version == version1 ? disk_at_v1 : disk_at_v2]), sector);
  const std::string extent_text = "Extent size " + std::to_string(header.extent_size);
  if (header.catalog_entries > max_catalog) return corrupt("Catalog size is too large");
  if (header.extent_size < sector) return corrupt("Extent size must be at least 512");
  if (!std::has_single_bit(header.extent_size))
    return corrupt(extent_text + " is not a power of two");
  if (header.extent_size > max_extent_size) return corrupt(extent_text + " is too large");
  if (header.catalog_entries < div_round_up(header.disk_size, header.extent_size)) {
    return corrupt("Catalog size is too small for this disk size");
  }
  return header;
}

}  // namespace

Task<std::unique_ptr<Format>> BochsImage::open(std::unique_ptr<storage::Storage> file) {
  HeaderBytes bytes{};
  const iovec into = io_slice(std::span<std::byte>(bytes));
  CO_TRY(co_await file->read(0, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(const Header header, parse(bytes));
  co_return std::unique_ptr<Format>(new BochsImage(std::move(file), header));
}

Task<uint32_t> BochsImage::catalog_entry(uint64_t index) {
  std::array<std::byte, 4> entry{};
  const iovec into = io_slice(std::span<std::byte>(entry));
  CO_TRY(co_await file().read(header_.catalog_offset + index * entry.size(), IoSpan(&into, 1)));
  co_return load_le<uint32_t>(entry.data());
}

Task<> BochsImage::read_guest(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const uint64_t step = std::min(length - done, header_.extent_size - at % header_.extent_size);
    const std::vector<iovec> part = io_subvector(into, done, step);
    CO_TRY(co_await read_extent(at, part));
    done += step;
  }
  co_return {};
}

// Inside one extent.
Task<> BochsImage::read_extent(uint64_t offset, IoSpan into) {
  CO_TRY_ASSIGN(const uint32_t entry, co_await catalog_entry(offset / header_.extent_size));
  if (entry == absent) {
    io_fill_zero(into);
    co_return {};
  }
  const uint64_t extents = header_.catalog_offset + uint64_t{header_.catalog_entries} * 4;
  const uint64_t start = extents + entry * (header_.bitmap_size + header_.extent_size);
  const uint64_t inside = offset % header_.extent_size;
  CO_TRY(co_await file().read(start + header_.bitmap_size + inside, into));
  co_return co_await zero_absent_sectors(start, inside, into);
}

Task<> BochsImage::zero_absent_sectors(uint64_t bitmap_offset, uint64_t inside, IoSpan into) {
  const uint64_t end = inside + io_length(into);
  const uint64_t first_byte = inside / sector / 8;
  std::vector<std::byte> bits((end - 1) / sector / 8 - first_byte + 1);
  const iovec bits_into = io_slice(std::span<std::byte>(bits));
  CO_TRY(co_await file().read(bitmap_offset + first_byte, IoSpan(&bits_into, 1)));
  for (uint64_t at = inside; at < end;) {
    const uint64_t next = std::min(end, align_down(at, sector) + sector);
    const uint64_t number = at / sector;
    const auto byte = std::to_integer<unsigned>(bits[number / 8 - first_byte]);
    if ((byte >> number % 8 & 1) == 0) io_fill_zero(io_subvector(into, at - inside, next - at));
    at = next;
  }
  co_return {};
}

}  // namespace oxbow::format::bochs
