#include "format/vhdx/header.h"

#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/corrupt.h"
#include "base/crc32c.h"

namespace oxbow::format::vhdx {
namespace {

using HeaderBytes = std::array<std::byte, header_bytes>;

Uuid uuid_at(const std::byte* from) {
  Uuid out;
  std::memcpy(out.data(), from, out.size());
  return out;
}

uint32_t checksum(HeaderBytes bytes) {
  store_le<uint32_t>(bytes.data() + 4, 0);
  return crc32c(bytes);
}

std::optional<Header> decode(const HeaderBytes& bytes) {
  const std::byte* raw = bytes.data();
  if (std::memcmp(raw, "head", 4) != 0) return std::nullopt;
  if (load_le<uint32_t>(raw + 4) != checksum(bytes)) return std::nullopt;
  if (load_le<uint16_t>(raw + 66) != 1) return std::nullopt;
  Header header;
  header.sequence = load_le<uint64_t>(raw + 8);
  header.file_write_guid = uuid_at(raw + 16);
  header.data_write_guid = uuid_at(raw + 32);
  header.log_guid = uuid_at(raw + 48);
  header.log_length = load_le<uint32_t>(raw + 68);
  header.log_offset = load_le<uint64_t>(raw + 72);
  return header;
}

HeaderBytes encode(const Header& header) {
  HeaderBytes bytes{};
  std::byte* raw = bytes.data();
  std::memcpy(raw, "head", 4);
  store_le(raw + 8, header.sequence);
  std::memcpy(raw + 16, header.file_write_guid.data(), sizeof(Uuid));
  std::memcpy(raw + 32, header.data_write_guid.data(), sizeof(Uuid));
  std::memcpy(raw + 48, header.log_guid.data(), sizeof(Uuid));
  store_le<uint16_t>(raw + 66, 1);
  store_le(raw + 68, header.log_length);
  store_le(raw + 72, header.log_offset);
  store_le(raw + 4, checksum(bytes));
  return bytes;
}

Result<void> check(const Header& header, const HeaderBytes& bytes) {
  if (load_le<uint16_t>(bytes.data() + 64) != 0) return corrupt("VHDX log of an unknown version");
  if (header.log_length == 0) return {};
  if (header.log_offset < mib || header.log_offset % mib != 0 ||
      header.log_offset > INT64_MAX - uint64_t{header.log_length}) {
    return corrupt("VHDX log at an invalid offset " + std::to_string(header.log_offset));
  }
  return {};
}

}  // namespace

Task<Header> read_header(storage::Source& file) {
  std::array<std::byte, 8> signature{};
  const iovec first = io_slice(std::span<std::byte>(signature));
  CO_TRY(co_await file.read(0, IoSpan(&first, 1)));
  if (std::memcmp(signature.data(), "vhdxfile", 8) != 0) co_return corrupt("Not a VHDX image");
  std::optional<Header> best;
  HeaderBytes best_bytes{};
  bool equal = false;
  for (unsigned place = 0; place < 2; ++place) {
    HeaderBytes bytes{};
    const iovec into = io_slice(std::span<std::byte>(bytes));
    CO_TRY(co_await file.read(header_offsets[place], IoSpan(&into, 1)));
    std::optional<Header> header = decode(bytes);
    if (!header) continue;
    header->place = place;
    equal = best && best->sequence == header->sequence && bytes != best_bytes;
    if (best && best->sequence >= header->sequence) continue;
    best = header;
    best_bytes = bytes;
  }
  if (!best || equal) co_return corrupt("No valid VHDX header found");
  CO_TRY(check(*best, best_bytes));
  co_return *best;
}

Task<> write_headers(storage::Storage& file, Header& header) {
  for (int times = 0; times < 2; ++times) {
    Header next = header;
    next.sequence = header.sequence + 1;
    next.place = 1 - header.place;
    HeaderBytes bytes = encode(next);
    const iovec from = io_slice(std::span<std::byte>(bytes));
    CO_TRY(co_await file.write(header_offsets[next.place], IoSpan(&from, 1)));
    CO_TRY(co_await file.flush());
    header = next;
  }
  co_return {};
}

}  // namespace oxbow::format::vhdx
