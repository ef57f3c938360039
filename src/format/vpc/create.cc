#include "format/vpc/create.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/uuid.h"
#include "format/vpc/footer.h"

namespace oxbow::format::vpc {
namespace {

constexpr uint32_t block_size = 2 << 20;
constexpr uint64_t dynamic_header_offset = sector;
constexpr size_t dynamic_header_bytes = 1024;
constexpr uint64_t table_offset = dynamic_header_offset + dynamic_header_bytes;
constexpr uint64_t table_chunk = 1 << 20;

struct DiskSize {
  uint64_t bytes = 0;
  DiskGeometry geometry = max_geometry;
};

// The smallest geometry that holds the disk decides its size, where there is one.
DiskSize size_of(const CreateOptions& options) {
  const uint64_t wanted = div_round_up(options.size, sector);
  DiskSize out{wanted * sector};
  if (options.exact_size || wanted > max_geometry.total()) return out;
  out.geometry = {};
  for (uint64_t sectors = wanted; out.geometry.total() < wanted; ++sectors) {
    out.geometry = geometry_of(sectors);
  }
  if (out.geometry.total() != max_geometry.total()) out.bytes = out.geometry.total() * sector;
  return out;
}

Result<FooterBytes> make_footer(const CreateOptions& options, const DiskSize& size) {
  using namespace std::chrono;
  constexpr sys_days epoch = 2000y / January / 1;
  Footer footer;
  footer.type = options.fixed ? type_fixed : type_dynamic;
  if (!options.fixed) footer.data_offset = dynamic_header_offset;
  footer.timestamp = static_cast<uint32_t>(floor<seconds>(system_clock::now() - epoch).count());
  std::memcpy(footer.creator.data(), options.exact_size ? "qem2" : "qemu", 4);
  footer.current_size = size.bytes;
  footer.geometry = size.geometry;
  TRY_ASSIGN(footer.uuid, random_uuid());
  return encode(footer);
}

Task<> write_dynamic_header(storage::Storage& file, uint32_t entries) {
  std::array<std::byte, dynamic_header_bytes> raw{};
  std::memcpy(raw.data(), "cxsparse", 8);
  store_be<uint64_t>(raw.data() + 8, UINT64_MAX);
  store_be(raw.data() + 16, table_offset);
  store_be<uint32_t>(raw.data() + 24, 0x00010000);
  store_be(raw.data() + 28, entries);
  store_be(raw.data() + 32, block_size);
  store_be(raw.data() + 36, checksum(raw, 36));
  const iovec from = io_slice(std::span<std::byte>(raw));
  co_return co_await file.write(dynamic_header_offset, IoSpan(&from, 1));
}

// All of it says that nothing is there, up to a whole sector.
Task<> write_table(storage::Storage& file, uint64_t bytes) {
  CO_TRY_ASSIGN(Buffer chunk, Buffer::allocate(std::min(bytes, table_chunk)));
  std::ranges::fill(chunk.span(), std::byte{0xff});
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t now = std::min<uint64_t>(bytes - done, chunk.size());
    const iovec from = io_slice(chunk.span().first(now));
    CO_TRY(co_await file.write(table_offset + done, IoSpan(&from, 1)));
    done += now;
  }
  co_return {};
}

// The copy of the footer at the beginning, by which the image is known, is written last.
Task<> write_dynamic(storage::Storage& file, uint64_t size, FooterBytes footer) {
  const auto entries = static_cast<uint32_t>(div_round_up(size, block_size));
  const uint64_t table_bytes = align_up(uint64_t{entries} * 4, sector);
  const iovec from = io_slice(std::span<std::byte>(footer));
  CO_TRY(co_await write_table(file, table_bytes));
  CO_TRY(co_await write_dynamic_header(file, entries));
  CO_TRY(co_await file.write(table_offset + table_bytes, IoSpan(&from, 1)));
  CO_TRY(co_await file.flush());
  co_return co_await file.write(0, IoSpan(&from, 1));
}

Task<> write_all(storage::Storage& file, CreateOptions options) {
  const DiskSize size = size_of(options);
  CO_TRY_ASSIGN(FooterBytes footer, make_footer(options, size));
  if (options.fixed) {
    const iovec from = io_slice(std::span<std::byte>(footer));
    CO_TRY(co_await file.write(size.bytes, IoSpan(&from, 1)));
  } else {
    CO_TRY(co_await write_dynamic(file, size.bytes, footer));
  }
  co_return co_await file.flush();
}

}  // namespace

Result<void> check_create_options(const CreateOptions& options) {
  if (options.size <= max_size) return {};
  return fail(ErrorKind::unsupported, "The image size is too large for file format 'vpc'", EFBIG);
}

Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options) {
  const Result<void> written = co_await write_all(*file, options);
  const Result<void> closed = co_await file->close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format::vpc
