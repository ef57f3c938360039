#include "format/vdi/create.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/uuid.h"
#include "format/vdi/header.h"

namespace oxbow::format::vdi {
namespace {

constexpr std::string_view stock_text = "<<< QEMU VM Virtual Disk Image >>>\n";
constexpr uint64_t map_offset = sector;
constexpr uint64_t map_chunk = 1 << 20;

uint64_t blocks_of(uint64_t size) { return div_round_up(size, block_size); }
uint64_t map_bytes(uint64_t size) { return align_up(blocks_of(size) * 4, sector); }

Task<> write_header(storage::Storage& file, CreateOptions options) {
  std::array<std::byte, sector> raw{};
  const auto put = [&raw](size_t offset, uint64_t value) {
    store_le(raw.data() + offset, static_cast<uint32_t>(value));
  };
  std::memcpy(raw.data(), stock_text.data(), stock_text.size());
  put(0x40, 0xbeda107f);
  put(0x44, 0x00010001);
  put(0x48, 0x180);  // bytes of the header from here on
  put(0x4c, options.fixed ? type_static : type_dynamic);
  put(0x154, map_offset);
  put(0x158, map_offset + map_bytes(options.size));
  put(0x168, sector);
  store_le(raw.data() + 0x170, align_up(options.size, sector));
  put(0x178, block_size);
  put(0x180, blocks_of(options.size));
  put(blocks_allocated_offset, options.fixed ? blocks_of(options.size) : 0);
  for (const size_t offset : {0x188, 0x198}) {
    CO_TRY_ASSIGN(const Uuid uuid, random_uuid());
    std::memcpy(raw.data() + offset, uuid.data(), uuid.size());
  }
  const iovec from = io_slice(std::span<std::byte>(raw));
  co_return co_await file.write(0, IoSpan(&from, 1));
}

Task<> write_map(storage::Storage& file, CreateOptions options) {
  const uint64_t blocks = blocks_of(options.size);
  const uint64_t bytes = map_bytes(options.size);
  CO_TRY_ASSIGN(Buffer chunk, Buffer::allocate(std::min(bytes, map_chunk)));
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t now = std::min<uint64_t>(bytes - done, chunk.size());
    for (uint64_t at = 0; at < now; at += 4) {
      const uint64_t block = (done + at) / 4;
      const uint64_t entry = options.fixed ? block : unallocated;
      store_le(chunk.data() + at, static_cast<uint32_t>(block < blocks ? entry : 0));
    }
    const iovec from = io_slice(chunk.span().first(now));
    CO_TRY(co_await file.write(map_offset + done, IoSpan(&from, 1)));
    done += now;
  }
  co_return {};
}

Task<> write_all(storage::Storage& file, CreateOptions options) {
  CO_TRY(co_await write_map(file, options));
  if (options.fixed) {
    const uint64_t data = blocks_of(options.size) * block_size;
    CO_TRY(co_await file.truncate(map_offset + map_bytes(options.size) + data));
  }
  CO_TRY(co_await file.flush());
  CO_TRY(co_await write_header(file, options));
  co_return co_await file.flush();
}

}  // namespace

Result<void> check_create_options(const CreateOptions& options) {
  if (options.size > max_size) return size_unsupported(options.size);
  return {};
}

Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options) {
  const Result<void> written = co_await write_all(*file, options);
  const Result<void> closed = co_await file->close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format::vdi
