#include "format/vmdk/header.h"

#include <array>
#include <cstring>
#include <string>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::vmdk {
namespace {

// "KDMV" and "COWD" as little-endian numbers.
constexpr uint32_t hosted_magic = 0x564d444b;
constexpr uint32_t esx_magic = 0x44574f43;

constexpr uint32_t flag_redundant = 1U << 1;
constexpr uint32_t flag_zero_grains = 1U << 2;
constexpr uint32_t flag_compressed = 1U << 16;
constexpr uint32_t flag_markers = 1U << 17;
constexpr uint64_t at_end = UINT64_MAX;
constexpr uint32_t newest_version = 3;

constexpr uint64_t max_grain_size = 64 << 20;
constexpr uint32_t max_table_entries = 512;
constexpr uint32_t esx_table_entries = 4096;
constexpr uint64_t max_directory_entries = (512 << 20) / sizeof(uint32_t);
constexpr uint64_t max_descriptor = 20 << 20;
constexpr uint64_t max_capacity = uint64_t{1} << 53;  // sectors

using Bytes = std::array<std::byte, sector>;

Task<Bytes> read_sector(storage::Source& file, uint64_t offset) {
  Bytes bytes{};
  const iovec into = io_slice(std::span<std::byte>(bytes));
  CO_TRY(co_await file.read(offset, IoSpan(&into, 1)));
  co_return bytes;
}

// Of the numbers that are not yet multiplied: what cannot be is refused before it is.
Result<uint64_t> bytes_of(uint64_t sectors, const char* field) {
  if (sectors <= max_capacity) return sectors * sector;
  return corrupt(std::string("VMDK header: ") + field + " is too large");
}

Result<SparseHeader> parse_hosted(const Bytes& bytes) {
  SparseHeader header;
  const auto version = load_le<uint32_t>(&bytes[4]);
  if (version > newest_version) {
    return fail(ErrorKind::unsupported, "Unsupported VMDK version " + std::to_string(version),
                ENOTSUP);
  }
  const auto flags = load_le<uint32_t>(&bytes[8]);
  header.capacity = load_le<uint64_t>(&bytes[12]);
  TRY_ASSIGN(header.grain_size, bytes_of(load_le<uint64_t>(&bytes[20]), "the grain size"));
  TRY_ASSIGN(header.descriptor, bytes_of(load_le<uint64_t>(&bytes[28]), "descriptorOffset"));
  TRY_ASSIGN(header.descriptor_size, bytes_of(load_le<uint64_t>(&bytes[36]), "descriptorSize"));
  header.table_entries = load_le<uint32_t>(&bytes[44]);
  if ((flags & flag_redundant) != 0) {
    TRY_ASSIGN(header.backup_directory, bytes_of(load_le<uint64_t>(&bytes[48]), "rgdOffset"));
  }
  TRY_ASSIGN(header.directory, bytes_of(load_le<uint64_t>(&bytes[56]), "gdOffset"));
  header.zero_grains = (flags & flag_zero_grains) != 0;
  header.compressed = load_le<uint16_t>(&bytes[77]) == 1 && (flags & flag_compressed) != 0;
  header.markers = (flags & flag_markers) != 0;
  if (header.table_entries > max_table_entries) return corrupt("L2 table size too big");
  return header;
}

Result<SparseHeader> parse_esx(const Bytes& bytes) {
  SparseHeader header;
  header.capacity = load_le<uint32_t>(&bytes[12]);
  header.grain_size = uint64_t{load_le<uint32_t>(&bytes[16])} * sector;
  header.directory = uint64_t{load_le<uint32_t>(&bytes[20])} * sector;
  header.table_entries = esx_table_entries;
  return header;
}

Result<void> check(const SparseHeader& header, uint64_t file_size) {
  if (header.table_entries == 0) return corrupt("L2 table size too big");
  if (header.grain_size == 0 || header.grain_size > max_grain_size ||
      (header.grain_size & (header.grain_size - 1)) != 0) {
    return corrupt("Invalid granularity, image may be corrupt");
  }
  if (header.capacity > max_capacity) return corrupt("L1 size too big");
  const uint64_t entries = header.directory_entries();
  if (entries > max_directory_entries) return corrupt("L1 size too big");
  const uint64_t length = entries * sizeof(uint32_t);
  const uint64_t end = align_up(file_size, sector);
  for (const uint64_t directory : {header.directory, header.backup_directory}) {
    if (directory > end || length > end - directory) {
      return corrupt("VMDK header: a grain directory lies beyond the end of the file");
    }
  }
  if (header.descriptor_size > max_descriptor) {
    return corrupt("VMDK header: descriptorSize is too large");
  }
  return {};
}

}  // namespace

Task<bool> is_sparse(storage::Source& file) {
  CO_TRY_ASSIGN(const Bytes bytes, co_await read_sector(file, 0));
  const auto magic = load_le<uint32_t>(bytes.data());
  co_return magic == hosted_magic || magic == esx_magic;
}

Task<SparseHeader> read_sparse_header(storage::Source& file) {
  CO_TRY_ASSIGN(Bytes bytes, co_await read_sector(file, 0));
  const auto magic = load_le<uint32_t>(bytes.data());
  SparseHeader header;
  if (magic == esx_magic) {
    CO_TRY_ASSIGN(header, parse_esx(bytes));
  } else if (magic == hosted_magic) {
    const auto descriptor = load_le<uint64_t>(&bytes[28]);
    const auto descriptor_size = load_le<uint64_t>(&bytes[36]);
    // Written as a stream: a footer repeats the header when the directory's place is known.
    if (load_le<uint64_t>(&bytes[56]) == at_end) {
      constexpr uint64_t from_end = 2 * sector;
      if (file.size() < from_end) {
        co_return fail(ErrorKind::corrupt, "VMDK: the file has no footer", EINVAL);
      }
      CO_TRY_ASSIGN(bytes, co_await read_sector(file, align_down(file.size(), sector) - from_end));
      if (load_le<uint32_t>(bytes.data()) != hosted_magic ||
          load_le<uint64_t>(&bytes[56]) == at_end) {
        co_return fail(ErrorKind::corrupt, "VMDK: the footer is not valid", EINVAL);
      }
      store_le(&bytes[28], descriptor);
      store_le(&bytes[36], descriptor_size);
    }
    CO_TRY_ASSIGN(header, parse_hosted(bytes));
  } else {
    co_return fail(ErrorKind::corrupt, "Image not in VMDK format", EINVAL);
  }
  CO_TRY(check(header, file.size()));
  co_return header;
}

}  // namespace oxbow::format::vmdk
