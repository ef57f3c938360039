#include "format/vhdx/metadata.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/corrupt.h"
#include "base/crc32c.h"

namespace oxbow::format::vhdx {
namespace {

std::unexpected<Error> unsupported(std::string message) {
  return fail(ErrorKind::unsupported, std::move(message), ENOTSUP);
}

bool is(const std::byte* at, const Uuid& guid) {
  return std::memcmp(at, guid.data(), guid.size()) == 0;
}

Task<Buffer> read_bytes(storage::Source& file, uint64_t offset, size_t length) {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(length));
  const iovec into = io_slice(bytes.span());
  CO_TRY(co_await file.read(offset, IoSpan(&into, 1)));
  co_return bytes;
}

// One of the two copies that is whole.
Task<Buffer> read_region_table(storage::Source& file) {
  for (const uint64_t offset : region_table_offsets) {
    CO_TRY_ASSIGN(Buffer table, co_await read_bytes(file, offset, region_table_bytes));
    std::byte* raw = table.data();
    const auto told = load_le<uint32_t>(raw + 4);
    store_le<uint32_t>(raw + 4, 0);
    if (std::memcmp(raw, "regi", 4) == 0 && crc32c(table.span()) == told) co_return table;
  }
  co_return corrupt("No valid VHDX region table found");
}

struct Regions {
  std::optional<Region> bat;
  std::optional<Region> metadata;
};

Result<void> take_region(const std::byte* entry, Regions& regions, Places& places) {
  const Region region{load_le<uint64_t>(entry + 16), load_le<uint32_t>(entry + 24)};
  const bool required = (load_le<uint32_t>(entry + 28) & 1) != 0;
  if (region.offset > INT64_MAX - uint64_t{region.length}) {
    return corrupt("VHDX region at an invalid offset " + std::to_string(region.offset));
  }
  TRY(places.add(region.offset, region.length));
  std::optional<Region>* known = nullptr;
  if (is(entry, bat_region)) known = &regions.bat;
  if (is(entry, metadata_region)) known = &regions.metadata;
  if (known == nullptr) {
    if (required) return unsupported("VHDX region of an unknown kind, without which none can do");
    return {};
  }
  if (*known) return corrupt("VHDX region table names a region twice");
  if (region.length == 0 || region.offset < mib) {
    return corrupt("VHDX region at an invalid offset " + std::to_string(region.offset) +
                   " or without a length");
  }
  *known = region;
  return {};
}

Task<Regions> read_regions(storage::Source& file, Places& places) {
  CO_TRY_ASSIGN(const Buffer table, co_await read_region_table(file));
  const auto count = load_le<uint32_t>(table.data() + 8);
  if (count > most_regions) {
    co_return corrupt("VHDX region table of " + std::to_string(count) + " entries");
  }
  Regions regions;
  for (uint32_t i = 0; i < count; ++i) {
    CO_TRY(take_region(table.data() + 16 + i * entry_bytes, regions, places));
  }
  if (!regions.bat) co_return corrupt("VHDX region table names no block allocation table");
  if (!regions.metadata) co_return corrupt("VHDX region table names no metadata");
  co_return regions;
}

// An entry of the metadata table that is known, and the bytes that are needed of it.
struct Item {
  const Uuid& guid;
  const char* name;
  size_t bytes;
  std::optional<uint64_t> offset;  // in the region
};

Result<void> take_item(const std::byte* entry, std::span<Item> items, const Region& region) {
  const auto found =
      std::ranges::find_if(items, [&](const Item& it) { return is(entry, it.guid); });
  if (found == items.end()) {
    constexpr uint32_t required = 4;
    if ((load_le<uint32_t>(entry + 24) & required) == 0) return {};
    return unsupported("VHDX metadata of an unknown kind, without which none can do");
  }
  const auto offset = load_le<uint32_t>(entry + 16);
  if (found->offset)
    return corrupt("VHDX metadata names the " + std::string(found->name) + " twice");
  if (offset < metadata_table_bytes || offset > region.length - found->bytes) {
    return corrupt("VHDX metadata: " + std::string(found->name) + " at an invalid offset " +
                   std::to_string(offset));
  }
  found->offset = offset;
  return {};
}

Task<> find_items(storage::Source& file, Region region, std::span<Item> items) {
  if (region.length < metadata_table_bytes + entry_bytes) {
    co_return corrupt("VHDX metadata region of " + std::to_string(region.length) + " bytes");
  }
  CO_TRY_ASSIGN(const Buffer table, co_await read_bytes(file, region.offset, metadata_table_bytes));
  if (std::memcmp(table.data(), "metadata", 8) != 0) {
    co_return corrupt("VHDX metadata without its signature");
  }
  const auto count = load_le<uint16_t>(table.data() + 10);
  if (count > most_metadata) {
    co_return corrupt("VHDX metadata table of " + std::to_string(count) + " entries");
  }
  for (uint32_t i = 1; i <= count; ++i) {
    CO_TRY(take_item(table.data() + i * entry_bytes, items, region));
  }
  for (const Item& item : items) {
    if (!item.offset) co_return unsupported("VHDX metadata without the " + std::string(item.name));
  }
  co_return {};
}

Result<void> check_disk(const Metadata& out, uint32_t flags, uint32_t logical) {
  if ((flags & file_has_parent) != 0) {
    return fail(ErrorKind::unsupported, "VHDX images that differ from a parent are not supported",
                EINVAL);
  }
  if (logical != sector) {
    return unsupported("VHDX disk with sectors of " + std::to_string(logical) + " bytes");
  }
  if (out.block_size < min_block_size || out.block_size > max_block_size ||
      !std::has_single_bit(out.block_size)) {
    return corrupt("VHDX block size " + std::to_string(out.block_size) + " is invalid");
  }
  if (out.disk_size > max_size) {
    return corrupt("VHDX disk size " + std::to_string(out.disk_size) + " is invalid");
  }
  const uint64_t blocks = div_round_up(out.disk_size, out.block_size);
  const uint64_t entries = blocks + (blocks == 0 ? 0 : (blocks - 1) / chunk_ratio(out.block_size));
  if (entries * 8 > out.bat.length) {
    return corrupt("VHDX block allocation table of " + std::to_string(out.bat.length) +
                   " bytes is too small for the disk");
  }
  return {};
}

}  // namespace

Result<void> Places::check_free(uint64_t offset, uint64_t length) const {
  for (const Range& range : ranges_) {
    if (offset >= range.end || range.begin >= offset + length) continue;
    return corrupt("VHDX region " + std::to_string(offset) + "-" + std::to_string(offset + length) +
                   " overlaps with region " + std::to_string(range.begin) + "-" +
                   std::to_string(range.end));
  }
  return {};
}

Result<void> Places::add(uint64_t offset, uint64_t length) {
  TRY(check_free(offset, length));
  ranges_.push_back({offset, offset + length});
  return {};
}

Task<Metadata> read_metadata(storage::Source& file, const Header& header) {
  Metadata out;
  if (header.log_length != 0) CO_TRY(out.places.add(header.log_offset, header.log_length));
  CO_TRY_ASSIGN(const Regions regions, co_await read_regions(file, out.places));
  out.bat = *regions.bat;
  std::array items = {
      Item{file_parameters, "file parameters", 8}, Item{virtual_disk_size, "disk size", 8},
      Item{logical_sector, "logical sector size", 4},
      Item{physical_sector, "physical sector size", 4}, Item{page83_data, "disk identifier", 16}};
  CO_TRY(co_await find_items(file, *regions.metadata, items));
  std::array<uint64_t, 3> values{};
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t offset = regions.metadata->offset + *items[i].offset;
    CO_TRY_ASSIGN(const Buffer bytes, co_await read_bytes(file, offset, items[i].bytes));
    std::memcpy(&values[i], bytes.data(), bytes.size());
  }
  out.block_size = static_cast<uint32_t>(values[0]);
  out.disk_size = align_down(values[1], sector);
  CO_TRY(check_disk(out, static_cast<uint32_t>(values[0] >> 32), static_cast<uint32_t>(values[2])));
  co_return out;
}

}  // namespace oxbow::format::vhdx
