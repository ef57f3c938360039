#include "format/qcow/create.h"

#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "format/blocks/empty_image.h"
#include "format/qcow/header.h"

namespace oxbow::format::qcow {
namespace {

// Over a backing file a cluster is a sector: nothing is copied on write.
Header header_of(const CreateOptions& options) {
  const bool alone = options.backing_file.empty();
  Header header;
  header.disk_size = align_up(options.size, sector);
  header.cluster_bits = alone ? 12 : 9;
  header.l2_bits = alone ? 9 : 12;
  header.l1_offset = align_up(header_size + options.backing_file.size(), 8);
  header.encrypted = options.encrypted;
  return header;
}

std::vector<std::byte> bytes_of(const CreateOptions& options) {
  const Header header = header_of(options);
  std::vector<std::byte> raw(header_size + options.backing_file.size());
  store_be<uint32_t>(raw.data(), magic);
  store_be<uint32_t>(&raw[4], 1);
  store_be<uint64_t>(&raw[24], header.disk_size);
  raw[32] = static_cast<std::byte>(header.cluster_bits);
  raw[33] = static_cast<std::byte>(header.l2_bits);
  store_be<uint32_t>(&raw[36], header.encrypted ? 1 : 0);
  store_be<uint64_t>(&raw[40], header.l1_offset);
  if (options.backing_file.empty()) return raw;
  store_be<uint64_t>(&raw[8], header_size);
  store_be<uint32_t>(&raw[16], static_cast<uint32_t>(options.backing_file.size()));
  std::memcpy(&raw[header_size], options.backing_file.data(), options.backing_file.size());
  return raw;
}

}  // namespace

Result<void> check_create_options(const CreateOptions& options) {
  if (options.size == 0) {
    return fail(ErrorKind::invalid_argument, "Image size is too small, cannot be zero length",
                EINVAL);
  }
  if (options.backing_file.size() > max_backing_name) {
    return fail(ErrorKind::invalid_argument, "Backing file name too long", EINVAL);
  }
  if (options.size > INT64_MAX - sector || header_of(options).l1_entries() > max_l1_entries) {
    return fail(ErrorKind::invalid_argument, "Image too large", EFBIG);
  }
  return {};
}

Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options) {
  const Header header = header_of(options);
  const uint64_t table = header.l1_entries() * sizeof(uint64_t);
  const uint64_t bytes = header.l1_offset + align_up(table, sector);
  std::vector<std::byte> raw = bytes_of(options);
  co_return co_await write_empty_image(std::move(file), bytes, raw);
}

}  // namespace oxbow::format::qcow
