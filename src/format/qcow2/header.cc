#include "format/qcow2/header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "format/qcow2/bitmap_directory.h"
#include "format/qcow2/snapshot_table.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr size_t first_read = 4096;

// The fields that say how to read the rest and are not kept.
struct Frame {
  uint32_t header_length = v2_header_length;
  uint64_t backing_offset = 0;
  uint32_t backing_length = 0;
  uint64_t extensions_end = 0;
};

std::unexpected<Error> corrupt(std::string message) {
  return fail(ErrorKind::corrupt, std::move(message));
}
std::unexpected<Error> unsupported(std::string message) {
  return fail(ErrorKind::unsupported, std::move(message));
}

void decode_fields(const std::byte* raw, Header& header, Frame& frame) {
  header.version = load_be<uint32_t>(raw + 4);
  frame.backing_offset = load_be<uint64_t>(raw + 8);
  frame.backing_length = load_be<uint32_t>(raw + 16);
  header.cluster_bits = load_be<uint32_t>(raw + 20);
  header.size = load_be<uint64_t>(raw + 24);
  header.crypt_method = load_be<uint32_t>(raw + 32);
  header.l1_size = load_be<uint32_t>(raw + 36);
  header.l1_table_offset = load_be<uint64_t>(raw + 40);
  header.refcount_table_offset = load_be<uint64_t>(raw + 48);
  header.refcount_table_clusters = load_be<uint32_t>(raw + 56);
  header.nb_snapshots = load_be<uint32_t>(raw + 60);
  header.snapshots_offset = load_be<uint64_t>(raw + 64);
  if (header.version < 3) return;
  header.incompatible_features = load_be<uint64_t>(raw + 72);
  header.compatible_features = load_be<uint64_t>(raw + 80);
  header.autoclear_features = load_be<uint64_t>(raw + 88);
  header.refcount_order = load_be<uint32_t>(raw + 96);
  frame.header_length = load_be<uint32_t>(raw + 100);
  if (frame.header_length > v3_min_header_length) {
    header.compression_type = std::to_integer<uint8_t>(raw[104]);
  }
}

Result<void> check_frame(const std::byte* raw, const Header& header, Frame& frame) {
  if (load_be<uint32_t>(raw) != magic) return corrupt("Image is not in qcow2 format");
  if (header.version < min_version || header.version > max_version) {
    return unsupported("Unsupported qcow2 version " + std::to_string(header.version));
  }
  if (header.cluster_bits < min_cluster_bits || header.cluster_bits > max_cluster_bits) {
    return unsupported("Unsupported cluster size: 2^" + std::to_string(header.cluster_bits));
  }
  if (header.version >= 3 && frame.header_length < v3_min_header_length) {
    return corrupt("qcow2 header too short");
  }
  if (frame.header_length > header.cluster_size()) {
    return corrupt("qcow2 header exceeds cluster size");
  }
  if (frame.backing_offset > header.cluster_size()) return corrupt("Invalid backing file offset");
  frame.extensions_end = frame.backing_offset != 0 ? frame.backing_offset : header.cluster_size();
  return {};
}

Result<void> check_compression(const Header& header) {
  if (header.compression_type > compression_zstd) {
    return unsupported("qcow2: unknown compression type: " +
                       std::to_string(header.compression_type));
  }
  const bool bit = (header.incompatible_features & incompatible_compression) != 0;
  if (bit && header.compression_type == compression_zlib) {
    return corrupt("qcow2: Compression type incompatible feature bit must not be set");
  }
  if (!bit && header.compression_type != compression_zlib) {
    return corrupt("qcow2: Compression type incompatible feature bit must be set");
  }
  return {};
}

Error unknown_features(uint64_t unknown, const std::vector<FeatureName>& names) {
  std::string list;
  for (const FeatureName& row : names) {
    if (row.type != 0 || row.bit >= 64 || ((unknown >> row.bit) & 1) == 0) continue;
    unknown &= ~(uint64_t{1} << row.bit);
    list += (list.empty() ? "" : ", ") + row.name;
  }
  if (unknown != 0) {
    list +=
        (list.empty() ? "" : ", ") + ("Unknown incompatible feature: " + hex(unknown).substr(2));
  }
  return {ErrorKind::unsupported, "Unsupported qcow2 feature(s): " + list, ENOTSUP};
}

Result<void> check_features(const Header& header, const Frame& frame,
                            std::span<const std::byte> cluster) {
  TRY(check_compression(header));
  const uint64_t unknown = header.incompatible_features & ~known_incompatible;
  if (unknown != 0) {
    return std::unexpected(unknown_features(
        unknown, parse_feature_names(cluster, frame.header_length, frame.extensions_end)));
  }
  if (header.extended_l2() && header.cluster_bits < min_extended_cluster_bits) {
    return unsupported("Unsupported subcluster size: " +
                       std::to_string(header.cluster_size() / subclusters_per_cluster));
  }
  if (header.refcount_order > max_refcount_order) {
    return unsupported("Reference count entry width too large; may not exceed 64 bits");
  }
  return {};
}

Result<void> check_l1(const Header& header) {
  if (header.l1_size > max_l1_bytes / 8) return corrupt("Active L1 table too large");
  if (!table_place_valid(header, header.l1_table_offset, uint64_t{header.l1_size} * 8)) {
    return corrupt("Active L1 table offset invalid");
  }
  // So near the end of the numbers the stock tool's count of L1 entries comes out as 0.
  if (header.size > UINT64_MAX - (header.l2_entries() << header.cluster_bits) + 1) {
    return corrupt("Could not refresh total sector count: File too large");
  }
  if (header.size > INT64_MAX || header.l1_entries_needed() > INT32_MAX) {
    return corrupt("Image is too big");
  }
  if (header.l1_size < header.l1_entries_needed()) return corrupt("L1 table is too small");
  if (header.l1_size != 0 && header.l1_table_offset > max_file_offset - max_l1_bytes) {
    return corrupt("Could not read L1 table: Input/output error");
  }
  return {};
}

Result<void> check_refcount_table(const Header& header) {
  const uint64_t refcount_table = uint64_t{header.refcount_table_clusters} << header.cluster_bits;
  if (refcount_table > max_refcount_table_bytes) {
    return corrupt("Reference count table too large");
  }
  if (!table_place_valid(header, header.refcount_table_offset, refcount_table)) {
    return corrupt("Reference count table offset invalid");
  }
  return {};
}

Result<void> check_tables(Header& header, bool check_only, bool repairing) {
  if (header.refcount_table_clusters == 0 && !check_only) {
    return corrupt("Image does not contain a reference count table");
  }
  const Result<void> refcounts = check_refcount_table(header);
  if (!refcounts && !repairing) return refcounts;
  if (!refcounts) {
    header.refcount_table_offset = 0;
    header.refcount_table_clusters = 0;
  }
  if (!check_only) TRY(check_snapshot_place(header));
  TRY(check_l1(header));
  if (header.crypt_method > crypt_luks) {
    return unsupported("Unsupported encryption method " +
                       std::to_string(static_cast<int32_t>(header.crypt_method)));
  }
  return {};
}

void adopt(Extensions&& found, Header& header) {
  header.backing_format = std::move(found.backing_format);
  header.data_file = std::move(found.data_file);
  header.crypto = found.crypto;
  header.bitmaps = found.bitmaps;
  header.bitmaps_outdated = found.bitmaps_outdated;
  header.feature_names = std::move(found.feature_names);
  header.unknown = std::move(found.unknown);
}

Task<Buffer> read_start(storage::Source& file, uint64_t length) {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(length));
  const iovec into = io_slice(bytes.span());
  CO_TRY(co_await file.read(0, IoSpan(&into, 1)));
  co_return bytes;
}

// Mostly the first 4 KiB hold everything; `bytes` comes in with those.
Task<Buffer> read_to_extensions_end(storage::Source& file, Buffer bytes, Frame frame) {
  for (;;) {
    const uint64_t need = std::max<uint64_t>(
        frame.header_length,
        extensions_need(bytes.span(), frame.header_length, frame.extensions_end));
    if (need <= bytes.size()) co_return bytes;
    CO_TRY_ASSIGN(bytes, co_await read_start(file, align_up(need, first_read)));
  }
}

Task<> read_backing_name(storage::Source& file, Frame frame, Header& header) {
  if (frame.backing_offset == 0) co_return {};
  if (frame.backing_length > max_backing_name ||
      frame.backing_length > header.cluster_size() - frame.backing_offset) {
    co_return corrupt("Backing file name too long");
  }
  std::string name(frame.backing_length, '\0');
  const iovec into = io_slice(std::as_writable_bytes(std::span(name)));
  CO_TRY(co_await file.read(frame.backing_offset, IoSpan(&into, 1)));
  header.backing_file = name.substr(0, name.find('\0'));
  co_return {};
}

Task<> verify_bitmaps(storage::Source& file, const Header& header) {
  CO_TRY_ASSIGN(const std::vector<Bitmap> bitmaps, co_await read_bitmap_directory(file, header));
  std::unordered_set<std::string_view> names;
  for (const Bitmap& bitmap : bitmaps) {
    if (!names.insert(bitmap.name).second) {
      co_return fail(ErrorKind::corrupt, "Bitmap already exists: " + bitmap.name, EINVAL);
    }
    if (bitmap.in_use() || bitmap.foreign()) continue;
    Result<std::vector<uint64_t>> table = co_await read_bitmap_table(file, header, bitmap);
    if (!table) co_return std::unexpected(std::move(table).error());
  }
  co_return {};
}

// A check reports a snapshot table that cannot be read by itself.
Task<> verify_linked_tables(storage::Source& file, const Header& header, bool check_only) {
  if (header.nb_snapshots != 0 && !check_only) {
    Result<std::vector<Snapshot>> table = co_await read_snapshots(file, header);
    if (!table) co_return std::unexpected(std::move(table).error());
  }
  co_return co_await verify_bitmaps(file, header);
}

}  // namespace

bool table_place_valid(const Header& header, uint64_t offset, uint64_t bytes) {
  return bytes <= INT64_MAX && offset <= INT64_MAX - bytes &&
         is_aligned(offset, header.cluster_size());
}

Task<Header> read_header(storage::Source& file, bool check_only, bool repairing) {
  CO_TRY_ASSIGN(Buffer bytes, co_await read_start(file, first_read));
  Header header;
  Frame frame;
  decode_fields(bytes.data(), header, frame);
  CO_TRY(check_frame(bytes.data(), header, frame));
  CO_TRY_ASSIGN(bytes, co_await read_to_extensions_end(file, std::move(bytes), frame));
  CO_TRY(check_features(header, frame, bytes.span()));
  CO_TRY(check_tables(header, check_only, repairing));
  if (frame.header_length > v3_header_length) {
    header.further_fields.assign(bytes.data() + v3_header_length,
                                 bytes.data() + frame.header_length);
  }
  const ExtensionContext context{header.cluster_bits, header.crypt_method,
                                 header.autoclear_features};
  CO_TRY_ASSIGN(Extensions found,
                parse_extensions(bytes.span(), frame.header_length, frame.extensions_end, context));
  adopt(std::move(found), header);
  if (header.crypt_method == crypt_luks && !header.crypto) {
    co_return corrupt("Missing CRYPTO header for crypt method 2");
  }
  CO_TRY(co_await read_backing_name(file, frame, header));
  CO_TRY(co_await verify_linked_tables(file, header, check_only));
  header.size = align_down(header.size, 512);  // the stock tools count whole sectors
  co_return header;
}

namespace {

void encode_fields(const Header& header, std::byte* raw) {
  store_be<uint32_t>(raw, magic);
  store_be<uint32_t>(raw + 4, header.version);
  store_be<uint32_t>(raw + 20, header.cluster_bits);
  store_be<uint64_t>(raw + 24, header.size);
  store_be<uint32_t>(raw + 32, header.crypt_method);
  store_be<uint32_t>(raw + 36, header.l1_size);
  store_be<uint64_t>(raw + 40, header.l1_table_offset);
  store_be<uint64_t>(raw + 48, header.refcount_table_offset);
  store_be<uint32_t>(raw + 56, header.refcount_table_clusters);
  store_be<uint32_t>(raw + 60, header.nb_snapshots);
  store_be<uint64_t>(raw + 64, header.snapshots_offset);
  if (header.version < 3) return;
  store_be<uint64_t>(raw + 72, header.incompatible_features);
  store_be<uint64_t>(raw + 80, header.compatible_features);
  store_be<uint64_t>(raw + 88, header.autoclear_features);
  store_be<uint32_t>(raw + 96, header.refcount_order);
  store_be<uint32_t>(raw + 100,
                     static_cast<uint32_t>(v3_header_length + header.further_fields.size()));
  raw[104] = std::byte{header.compression_type};
  std::ranges::copy(header.further_fields, raw + v3_header_length);
}

std::vector<std::byte> extension_bytes(const Header& header) {
  Extensions extensions;
  extensions.backing_format = header.backing_format;
  extensions.data_file = header.data_file;
  extensions.crypto = header.crypto;
  extensions.bitmaps = header.bitmaps;
  extensions.feature_names = header.feature_names;
  extensions.unknown = header.unknown;
  return encode_extensions(extensions);
}

}  // namespace

Result<Buffer> encode_header(const Header& header) {
  const std::vector<std::byte> extensions = extension_bytes(header);
  const uint64_t fixed =
      header.version < 3 ? v2_header_length : v3_header_length + header.further_fields.size();
  const uint64_t name_offset = fixed + extensions.size();
  if (header.backing_file.size() > max_backing_name) {
    return fail(ErrorKind::invalid_argument, "Backing file name too long", EINVAL);
  }
  if (name_offset + header.backing_file.size() > header.cluster_size()) {
    return fail(ErrorKind::no_space, "The header and its extensions exceed the first cluster",
                ENOSPC);
  }
  TRY_ASSIGN(Buffer cluster, Buffer::allocate_zeroed(header.cluster_size()));
  encode_fields(header, cluster.data());
  std::ranges::copy(extensions, cluster.data() + fixed);
  if (!header.backing_file.empty()) {
    store_be<uint64_t>(cluster.data() + header_offset_backing_name, name_offset);
    store_be<uint32_t>(cluster.data() + header_offset_backing_name + 8,
                       static_cast<uint32_t>(header.backing_file.size()));
    std::memcpy(cluster.data() + name_offset, header.backing_file.data(),
                header.backing_file.size());
  }
  return cluster;
}

}  // namespace oxbow::format::qcow2
