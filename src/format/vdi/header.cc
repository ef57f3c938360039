#include "format/vdi/header.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

#include "base/bytes.h"

namespace oxbow::format::vdi {
namespace {

constexpr uint32_t signature = 0xbeda107f;
constexpr uint32_t version_1_1 = 0x00010001;

using Raw = std::array<std::byte, sector>;

uint32_t word(const Raw& raw, size_t offset) { return load_le<uint32_t>(raw.data() + offset); }

std::unexpected<Error> unsupported(const std::string& what) {
  return fail(ErrorKind::unsupported, "unsupported VDI image (" + what + ")", ENOTSUP);
}

std::string hex(uint64_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%" PRIx64, number);
  return text.data();
}

bool is_null(const Raw& raw, size_t offset) {
  constexpr size_t uuid_bytes = 16;
  return std::all_of(raw.begin() + offset, raw.begin() + offset + uuid_bytes,
                     [](std::byte byte) { return byte == std::byte{0}; });
}

Result<void> check_identity(const Raw& raw) {
  const uint32_t found = word(raw, 0x40);
  if (found != signature) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "Image not in VDI format (bad signature %08x)", found);
    return fail(ErrorKind::corrupt, text.data(), EINVAL);
  }
  const uint32_t version = word(raw, 0x44);
  if (version == version_1_1) return {};
  return unsupported("version " + std::to_string(version >> 16) + "." +
                     std::to_string(version & 0xffff));
}

Result<void> check_geometry(const Raw& raw, const Header& header) {
  if (header.map_offset % sector != 0) {
    return unsupported("unaligned block map offset " + hex(header.map_offset));
  }
  if (header.data_offset % sector != 0) {
    return unsupported("unaligned data offset " + hex(header.data_offset));
  }
  if (const uint32_t size = word(raw, 0x168); size != sector) {
    return unsupported("sector size " + std::to_string(size) + " is not 512");
  }
  if (const uint32_t size = word(raw, 0x178); size != block_size) {
    return unsupported("block size " + std::to_string(size) + " is not 1048576");
  }
  const uint64_t room = uint64_t{header.blocks} * block_size;
  if (header.disk_size > room) {
    return unsupported("disk size " + std::to_string(header.disk_size) +
                       ", image bitmap has room for " + std::to_string(room));
  }
  return {};
}

// Differencing images name what they stand on by UUIDs.
Result<void> check_parents(const Raw& raw) {
  if (!is_null(raw, 0x1a8)) return unsupported("non-NULL link UUID");
  if (!is_null(raw, 0x1b8)) return unsupported("non-NULL parent UUID");
  return {};
}

}  // namespace

std::unexpected<Error> size_unsupported(uint64_t size) {
  return fail(ErrorKind::unsupported,
              "Unsupported VDI image size (size is " + hex(size) + ", max supported is " +
                  hex(max_size) + ")",
              ENOTSUP);
}

Task<Header> read_header(storage::Source& file) {
  Raw raw{};
  const iovec into = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await file.read(0, IoSpan(&into, 1)));
  Header header;
  header.image_type = word(raw, 0x4c);
  header.map_offset = word(raw, 0x154);
  header.data_offset = word(raw, 0x158);
  header.disk_size = load_le<uint64_t>(raw.data() + 0x170);
  header.blocks = word(raw, 0x180);
  header.blocks_allocated = word(raw, blocks_allocated_offset);
  if (header.disk_size > max_size) co_return size_unsupported(header.disk_size);
  header.disk_size = align_up(header.disk_size, sector);
  CO_TRY(check_identity(raw));
  CO_TRY(check_geometry(raw, header));
  CO_TRY(check_parents(raw));
  if (header.blocks > max_blocks) {
    co_return unsupported("too many blocks " + std::to_string(header.blocks) + ", max is " +
                          std::to_string(max_blocks));
  }
  co_return header;
}

}  // namespace oxbow::format::vdi
