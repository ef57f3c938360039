#include "format/qed/create.h"

#include <bit>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/invalid.h"
#include "format/blocks/empty_image.h"
#include "format/qed/header.h"

namespace oxbow::format::qed {
namespace {

Header header_of(const CreateOptions& options) {
  Header header;
  header.cluster_size = static_cast<uint32_t>(options.cluster_size);
  header.table_clusters = static_cast<uint32_t>(options.table_clusters);
  header.header_clusters = 1;
  header.l1_offset = options.cluster_size;
  header.disk_size = align_up(options.size, sector);
  if (!options.backing_file.empty()) {
    header.features = feature_backing | (options.backing_is_raw ? feature_backing_raw : 0);
  }
  return header;
}

std::vector<std::byte> bytes_of(const CreateOptions& options) {
  const Header header = header_of(options);
  std::vector<std::byte> raw(header_bytes + options.backing_file.size());
  store_le<uint32_t>(raw.data(), magic);
  store_le<uint32_t>(&raw[4], header.cluster_size);
  store_le<uint32_t>(&raw[8], header.table_clusters);
  store_le<uint32_t>(&raw[12], header.header_clusters);
  store_le<uint64_t>(&raw[features_offset], header.features);
  store_le<uint64_t>(&raw[40], header.l1_offset);
  store_le<uint64_t>(&raw[disk_size_offset], header.disk_size);
  if (options.backing_file.empty()) return raw;
  store_le<uint32_t>(&raw[56], header_bytes);
  store_le<uint32_t>(&raw[60], static_cast<uint32_t>(options.backing_file.size()));
  std::memcpy(&raw[header_bytes], options.backing_file.data(), options.backing_file.size());
  return raw;
}

}  // namespace

Result<void> check_create_options(const CreateOptions& options) {
  const uint64_t cluster = options.cluster_size;
  if (!std::has_single_bit(cluster) || cluster < min_cluster || cluster > max_cluster) {
    return invalid("QED cluster size must be within range [" + std::to_string(min_cluster) + ", " +
                   std::to_string(max_cluster) + "] and power of 2");
  }
  const uint64_t table = options.table_clusters;
  if (!std::has_single_bit(table) || table > max_table_clusters) {
    return invalid("QED table size must be within range [1, " + std::to_string(max_table_clusters) +
                   "] and power of 2");
  }
  const Header header = header_of(options);
  if (options.size > INT64_MAX - sector || !header.is_valid_size()) {
    const uint64_t most = header.table_entries() * header.table_entries() * cluster;
    return invalid("QED image size must be a non-zero multiple of cluster size and less than " +
                   std::to_string(most) + " bytes");
  }
  if (options.backing_file.size() > longest_name) {
    return invalid("QED backing filename is too long");
  }
  return {};
}

Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options) {
  const Header header = header_of(options);
  std::vector<std::byte> raw = bytes_of(options);
  co_return co_await write_empty_image(std::move(file), header.l1_offset + header.table_bytes(),
                                       raw);
}

}  // namespace oxbow::format::qed
