#include "format/parallels/header.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::parallels {
namespace {

constexpr uint64_t extension_magic = 0xab234cef23dcea87;
constexpr uint32_t most_sectors_a_cluster = INT32_MAX / 513;
constexpr uint32_t most_entries = INT32_MAX / 4;

Task<> check_extension(storage::Source& file, uint64_t start) {
  if (start > INT64_MAX / sector) co_return corrupt("Format Extension at an invalid offset");
  std::array<std::byte, 8> raw{};
  const iovec into = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await file.read(start * sector, IoSpan(&into, 1)));
  const auto magic = load_le<uint64_t>(raw.data());
  if (magic == extension_magic) co_return {};
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(),
                "Wrong parallels Format Extension magic: 0x%" PRIx64 ", expected: 0x%" PRIx64,
                magic, extension_magic);
  co_return corrupt(text.data());
}

}  // namespace

Task<Header> read_header(storage::Source& file) {
  std::array<std::byte, table_offset> raw{};
  const iovec into = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await file.read(0, IoSpan(&into, 1)));
  const auto word = [&raw](size_t offset) { return load_le<uint32_t>(raw.data() + offset); };
  const bool old = std::memcmp(raw.data(), "WithoutFreeSpace", 16) == 0;
  const bool extended = std::memcmp(raw.data(), "WithouFreSpacExt", 16) == 0;
  if ((!old && !extended) || word(16) != 2) co_return corrupt("Image not in Parallels format");

  Header header;
  const uint32_t sectors = word(28);
  if (sectors == 0) co_return corrupt("Invalid image: Zero sectors per track");
  if (sectors > most_sectors_a_cluster) co_return corrupt("Invalid image: Too big cluster");
  header.cluster_size = sectors * sector;
  header.entry_unit = extended ? header.cluster_size : sector;
  header.table_entries = word(32);
  if (header.table_entries > most_entries) co_return corrupt("Catalog too large");
  uint64_t disk_sectors = load_le<uint64_t>(raw.data() + 36);
  if (old) disk_sectors &= UINT32_MAX;
  if (disk_sectors > INT64_MAX / sector) {
    co_return fail(ErrorKind::unsupported,
                   "Can't get image size '" + file.filename() + "': File too large", EFBIG);
  }
  header.disk_size = disk_sectors * sector;
  header.in_use = word(in_use_offset) == in_use_mark;
  const uint64_t after_table = table_offset + uint64_t{header.table_entries} * 4;
  header.data_offset = uint64_t{word(48)} * sector;
  if (header.data_offset < after_table) header.data_offset = align_up(after_table, sector);
  const auto extension = load_le<uint64_t>(raw.data() + 56);
  header.has_extension = extension != 0;
  if (header.has_extension) CO_TRY(co_await check_extension(file, extension));
  co_return header;
}

}  // namespace oxbow::format::parallels
