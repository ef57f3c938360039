#include "format/qed/header.h"

#include <array>
#include <bit>
#include <cinttypes>
#include <cstdio>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::qed {
namespace {

constexpr uint64_t known_features = feature_backing | feature_need_check | feature_backing_raw;

Task<std::string> read_backing_name(storage::Source& file, const Header& header, uint32_t offset,
                                    uint32_t length) {
  if (uint64_t{offset} + length > uint64_t{header.cluster_size} * header.header_clusters) {
    co_return corrupt("QED backing filename offset is invalid");
  }
  if (length > longest_name) co_return corrupt("QED backing filename is too long");
  std::string name(length, '\0');
  const iovec into = io_slice(name.data(), name.size());
  CO_TRY(co_await file.read(offset, IoSpan(&into, 1)));
  co_return name;
}

}  // namespace

bool Header::is_valid_size() const {
  if (disk_size % sector != 0) return false;
  // Two levels of tables reach as far; 2^75 at most.
  const uint64_t entries = table_entries();
  return disk_size / cluster_size / entries <= entries;
}

bool Header::is_cluster_offset(uint64_t offset, uint64_t file_size) const {
  return offset % cluster_size == 0 && offset >= uint64_t{header_clusters} * cluster_size &&
         offset < file_size;
}

bool Header::is_table_offset(uint64_t offset, uint64_t file_size) const {
  if (offset > INT64_MAX - table_bytes()) return false;
  const uint64_t last = offset + table_bytes() - cluster_size;
  return is_cluster_offset(offset, file_size) && is_cluster_offset(last, file_size);
}

Task<Header> read_header(storage::Source& file) {
  std::array<std::byte, header_bytes> raw{};
  const iovec into = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await file.read(0, IoSpan(&into, 1)));
  const auto word = [&raw](size_t offset) { return load_le<uint32_t>(raw.data() + offset); };
  if (word(0) != magic) co_return corrupt("Image not in QED format");
  Header header;
  header.cluster_size = word(4);
  header.table_clusters = word(8);
  header.header_clusters = word(12);
  header.features = load_le<uint64_t>(raw.data() + 16);
  header.l1_offset = load_le<uint64_t>(raw.data() + 40);
  header.disk_size = load_le<uint64_t>(raw.data() + 48);
  if (const uint64_t unknown = header.features & ~known_features; unknown != 0) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "Unsupported QED features: %" PRIx64, unknown);
    co_return fail(ErrorKind::unsupported, text.data(), ENOTSUP);
  }
  if (!std::has_single_bit(header.cluster_size) || header.cluster_size < min_cluster ||
      header.cluster_size > max_cluster) {
    co_return corrupt("QED cluster size is invalid");
  }
  if (!std::has_single_bit(header.table_clusters) || header.table_clusters > max_table_clusters) {
    co_return corrupt("QED table size is invalid");
  }
  if (!header.is_valid_size()) co_return corrupt("QED image size is invalid");
  const uint64_t file_size = align_up(file.size(), header.cluster_size);
  if (!header.is_table_offset(header.l1_offset, file_size)) {
    co_return corrupt("QED table offset is invalid");
  }
  if ((header.features & feature_backing) != 0) {
    CO_TRY_ASSIGN(header.backing_file,
                  co_await read_backing_name(file, header, word(56), word(60)));
  }
  co_return header;
}

}  // namespace oxbow::format::qed
