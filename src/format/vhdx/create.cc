#include "format/vhdx/create.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/invalid.h"
#include "format/vhdx/header.h"
#include "format/vhdx/layout.h"

namespace oxbow::format::vhdx {
namespace {

constexpr uint64_t gib = uint64_t{1} << 30;
constexpr uint64_t tib = uint64_t{1} << 40;
constexpr std::u16string_view creator = u"QEMU v7.2.22";
constexpr uint64_t table_chunk = 1 << 20;

// Where things are in a new file.
struct Layout {
  explicit Layout(const CreateOptions& options)
      : blocks(div_round_up(options.size, options.block_size)),
        entries(blocks + (blocks == 0 ? 0 : (blocks - 1) / chunk_ratio(block_size_of(options)))),
        bat_offset(mib + options.log_size),
        bat_length(std::max(align_up(entries * 8, mib), mib)),
        metadata_offset(bat_offset + bat_length),
        data_offset(metadata_offset + 5 * mib) {}

  static uint32_t block_size_of(const CreateOptions& options) {
    return static_cast<uint32_t>(options.block_size);
  }

  uint64_t blocks;
  uint64_t entries;
  uint64_t bat_offset;
  uint64_t bat_length;
  uint64_t metadata_offset;
  uint64_t data_offset;
};

Task<> write_at(storage::Storage& file, uint64_t offset, std::span<const std::byte> bytes) {
  const iovec from = io_slice(bytes);
  co_return co_await file.write(offset, IoSpan(&from, 1));
}

Task<> write_region_tables(storage::Storage& file, const Layout& layout) {
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate_zeroed(region_table_bytes));
  std::byte* raw = table.data();
  std::memcpy(raw, "regi", 4);
  store_le<uint32_t>(raw + 8, 2);
  std::memcpy(raw + 16, bat_region.data(), sizeof(Uuid));
  store_le(raw + 32, layout.bat_offset);
  store_le(raw + 40, static_cast<uint32_t>(layout.bat_length));
  std::memcpy(raw + 48, metadata_region.data(), sizeof(Uuid));
  store_le(raw + 64, layout.metadata_offset);
  store_le(raw + 72, static_cast<uint32_t>(mib));
  store_le(raw + 4, crc32c(table.span()));
  for (const uint64_t offset : region_table_offsets) {
    CO_TRY(co_await write_at(file, offset, table.span()));
  }
  co_return {};
}

Task<> write_metadata(storage::Storage& file, CreateOptions options, uint64_t offset) {
  constexpr uint32_t of_disk = 2;
  constexpr uint32_t required = 4;
  constexpr size_t values_at = metadata_table_bytes;
  CO_TRY_ASSIGN(Buffer region, Buffer::allocate_zeroed(values_at + 64));
  std::byte* raw = region.data();
  std::memcpy(raw, "metadata", 8);
  struct Item {
    const Uuid& guid;
    uint32_t place;
    uint32_t length;
    uint32_t flags;
  };
  const Item items[] = {{file_parameters, 0, 8, required},
                        {virtual_disk_size, 8, 8, of_disk | required},
                        {page83_data, 16, 16, of_disk | required},
                        {logical_sector, 32, 4, of_disk | required},
                        {physical_sector, 36, 4, of_disk | required}};
  store_le(raw + 10, static_cast<uint16_t>(std::size(items)));
  std::byte* entry = raw + entry_bytes;
  for (const Item& item : items) {
    std::memcpy(entry, item.guid.data(), sizeof(Uuid));
    store_le(entry + 16, static_cast<uint32_t>(values_at) + item.place);
    store_le(entry + 20, item.length);
    store_le(entry + 24, item.flags);
    entry += entry_bytes;
  }
  std::byte* values = raw + values_at;
  store_le(values, static_cast<uint32_t>(options.block_size));
  store_le(values + 4, options.fixed ? file_leaves_blocks_allocated : 0);
  store_le(values + 8, options.size);
  CO_TRY_ASSIGN(const Uuid id, random_uuid());
  std::memcpy(values + 16, id.data(), id.size());
  store_le(values + 32, sector);
  store_le(values + 36, sector);
  co_return co_await write_at(file, offset, region.span());
}

// Entries for bitmaps stay 0.
Task<> write_table(storage::Storage& file, CreateOptions options, Layout layout) {
  const uint64_t ratio = chunk_ratio(Layout::block_size_of(options));
  const uint64_t bytes = layout.entries * 8;
  CO_TRY_ASSIGN(Buffer chunk, Buffer::allocate(std::min(align_up(bytes, 8), table_chunk)));
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t now = std::min<uint64_t>(bytes - done, chunk.size());
    for (uint64_t at = 0; at < now; at += 8) {
      const uint64_t index = (done + at) / 8;
      const uint64_t block = index - index / (ratio + 1);
      uint64_t entry = 0;
      if (index % (ratio + 1) == ratio) {
        entry = 0;
      } else if (options.zero_blocks) {
        entry = static_cast<uint64_t>(BlockState::zero);
      } else if (options.fixed) {
        entry = (layout.data_offset + block * options.block_size) |
                static_cast<uint64_t>(BlockState::fully_present);
      }
      store_le(chunk.data() + at, entry);
    }
    CO_TRY(co_await write_at(file, layout.bat_offset + done, chunk.span().first(now)));
    done += now;
  }
  co_return {};
}

Result<Header> new_header(const CreateOptions& options) {
  Header header;
  TRY_ASSIGN(const Uuid seed, random_uuid());
  header.sequence = load_le<uint32_t>(seed.data());
  TRY_ASSIGN(header.file_write_guid, random_uuid());
  TRY_ASSIGN(header.data_write_guid, random_uuid());
  header.log_length = static_cast<uint32_t>(options.log_size);
  header.log_offset = mib;
  header.place = 1;
  return header;
}

// The first bytes, by which the image is known, are written last.
Task<> write_all(storage::Storage& file, CreateOptions options) {
  const Layout layout(options);
  CO_TRY(co_await file.truncate(layout.data_offset + (options.fixed ? options.size : 0)));
  CO_TRY(co_await write_table(file, options, layout));
  CO_TRY(co_await write_metadata(file, options, layout.metadata_offset));
  CO_TRY(co_await write_region_tables(file, layout));
  CO_TRY_ASSIGN(Header header, new_header(options));
  CO_TRY(co_await write_headers(file, header));
  std::array<std::byte, 8 + 2 * creator.size()> start{};
  std::memcpy(start.data(), "vhdxfile", 8);
  std::memcpy(start.data() + 8, creator.data(), 2 * creator.size());
  CO_TRY(co_await write_at(file, 0, start));
  co_return co_await file.flush();
}

uint64_t usual_block_size(uint64_t disk_size) {
  if (disk_size > 32 * tib) return 64 * mib;
  if (disk_size > 100 * gib) return 32 * mib;
  if (disk_size > gib) return 16 * mib;
  return 8 * mib;
}

}  // namespace

Result<CreateOptions> settle_create_options(CreateOptions options) {
  if (options.size > max_size) {
    return fail(ErrorKind::invalid_argument, "Image size too large; max of 64TB", EINVAL);
  }
  options.size = align_up(options.size, sector);
  if (options.log_size == 0) return invalid("Log size must be a multiple of 1 MB");
  if (options.log_size >= 4 * gib) return invalid("Log size must be smaller than 4 GB");
  options.log_size = align_up(options.log_size, mib);
  if (options.log_size >= 4 * gib) return invalid("Log size must be smaller than 4 GB");
  if (options.block_size == 0) options.block_size = usual_block_size(options.size);
  options.block_size = std::min<uint64_t>(options.block_size, max_block_size);
  options.block_size = align_up(options.block_size, mib);
  if (!std::has_single_bit(options.block_size)) return invalid("Block size must be a power of two");
  return options;
}

Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options) {
  const Result<void> written = co_await write_all(*file, options);
  const Result<void> closed = co_await file->close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format::vhdx
