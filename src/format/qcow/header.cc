#include "format/qcow/header.h"

#include <array>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::qcow {
namespace {

struct Found {
  Header header;
  uint64_t backing_offset = 0;
  uint32_t backing_length = 0;
};

Result<Found> parse(const std::array<std::byte, header_size>& bytes) {
  Found out;
  Header& header = out.header;
  if (load_be<uint32_t>(bytes.data()) != magic) return corrupt("Image not in qcow format");
  const auto version = load_be<uint32_t>(&bytes[4]);
  if (version != 1) {
    Error error(ErrorKind::unsupported,
                "qcow (v1) does not support qcow version " + std::to_string(version), ENOTSUP);
    if (version == 0) return std::unexpected(std::move(error));
    return std::unexpected(std::move(error).with_hint("Try the 'qcow2' driver instead.\n"));
  }
  out.backing_offset = load_be<uint64_t>(&bytes[8]);
  out.backing_length = load_be<uint32_t>(&bytes[16]);
  const auto size = load_be<uint64_t>(&bytes[24]);
  header.cluster_bits = std::to_integer<uint32_t>(bytes[32]);
  header.l2_bits = std::to_integer<uint32_t>(bytes[33]);
  const auto crypt = load_be<uint32_t>(&bytes[36]);
  header.l1_offset = load_be<uint64_t>(&bytes[40]);
  if (size <= 1) return corrupt("Image size is too small (must be at least 2 bytes)");
  if (header.cluster_bits < 9 || header.cluster_bits > 16) {
    return corrupt("Cluster size must be between 512 and 64k");
  }
  if (header.l2_bits < 9 - 3 || header.l2_bits > 16 - 3) {
    return corrupt("L2 table size must be between 512 and 64k");
  }
  if (crypt > 1) return corrupt("invalid encryption method in qcow header");
  header.encrypted = crypt == 1;
  header.disk_size = align_down(size, sector);
  const uint64_t covered = uint64_t{1} << (header.cluster_bits + header.l2_bits);
  if (size > UINT64_MAX - covered || size / covered >= max_l1_entries) {
    return corrupt("Image too large");
  }
  if (header.l1_offset > INT64_MAX) return corrupt("qcow: the offset of the L1 table is too large");
  if (out.backing_offset == 0) out.backing_length = 0;
  if (out.backing_length > max_backing_name) return corrupt("Backing file name too long");
  if (out.backing_length != 0 && out.backing_offset > INT64_MAX - max_backing_name) {
    return corrupt("qcow: the offset of the backing file's name is too large");
  }
  return out;
}

}  // namespace

uint64_t Header::l1_entries() const {
  return div_round_up(disk_size, uint64_t{1} << (cluster_bits + l2_bits));
}

Task<Header> read_header(storage::Source& file) {
  std::array<std::byte, header_size> bytes{};
  const iovec into = io_slice(std::span<std::byte>(bytes));
  CO_TRY(co_await file.read(0, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Found found, parse(bytes));
  if (found.backing_length != 0) {
    std::string name(found.backing_length, '\0');
    const iovec name_into = io_slice(name.data(), name.size());
    CO_TRY(co_await file.read(found.backing_offset, IoSpan(&name_into, 1)));
    found.header.backing_file = name.substr(0, name.find('\0'));
  }
  co_return std::move(found.header);
}

}  // namespace oxbow::format::qcow
