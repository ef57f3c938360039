#include "format/qcow2/bitmap_directory.h"

#include <algorithm>

#include "base/corrupt.h"
#include "format/qcow2/header.h"
#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t fixed_bytes = 24;
constexpr uint32_t known_flags = bitmap_in_use | bitmap_auto | bitmap_extra_data_compatible;
constexpr uint64_t table_reserved_mask = 0xff000000000001fe;

bool satisfies_constraints(const Header& header, const Bitmap& bitmap) {
  const uint64_t bytes = uint64_t{bitmap.table_size} << header.cluster_bits;
  const bool place = bitmap.table_size != 0 && bitmap.table_offset != 0 &&
                     is_aligned(bitmap.table_offset, header.cluster_size()) &&
                     bytes <= max_bitmap_bytes;
  if (!place || bitmap.name.empty() || bitmap.name.size() > max_bitmap_name) return false;
  if (bitmap.foreign()) return true;
  if (bitmap.granularity_bits < min_granularity_bits ||
      bitmap.granularity_bits > max_granularity_bits) {
    return false;
  }
  if (bitmap.in_use()) return true;
  const uint64_t bits = div_round_up(header.size, uint64_t{1} << bitmap.granularity_bits);
  return div_round_up(bits, 8) <= bytes;
}

// One entry; `left` bytes of the directory remain.
Result<Bitmap> decode(const Header& header, std::span<const std::byte> left, uint64_t& taken) {
  if (left.size() < fixed_bytes) return corrupt("Broken bitmap directory");
  const std::byte* raw = left.data();
  const uint64_t name_size = load_be<uint16_t>(raw + 18);
  const auto extra = load_be<uint32_t>(raw + 20);
  taken = align_up(fixed_bytes + uint64_t{extra} + name_size, 8);
  if (taken > left.size()) return corrupt("Broken bitmap directory");
  Bitmap bitmap;
  bitmap.extra.assign(raw + fixed_bytes, raw + fixed_bytes + extra);
  bitmap.table_offset = load_be<uint64_t>(raw);
  bitmap.table_size = load_be<uint32_t>(raw + 8);
  bitmap.flags = load_be<uint32_t>(raw + 12);
  bitmap.granularity_bits = std::to_integer<uint8_t>(raw[17]);
  bitmap.type = std::to_integer<uint8_t>(raw[16]);
  bitmap.name.assign(reinterpret_cast<const char*>(raw + fixed_bytes + extra), name_size);
  if (!satisfies_constraints(header, bitmap)) {
    return corrupt("Bitmap '" + bitmap.name + "' doesn't satisfy the constraints");
  }
  return bitmap;
}

Error in_table(const Bitmap& bitmap, const std::string& what, ErrorKind kind = ErrorKind::corrupt) {
  return {kind,
          "Could not read bitmap_table table from image for bitmap '" + bitmap.name + "': " + what};
}

Result<std::vector<Bitmap>> decode_all(const Header& header, std::span<const std::byte> bytes) {
  std::vector<Bitmap> bitmaps;
  while (!bytes.empty()) {
    uint64_t taken = 0;
    TRY_ASSIGN(Bitmap bitmap, decode(header, bytes, taken));
    if (bitmaps.size() == header.bitmaps->count) {
      return corrupt("More bitmaps found than specified in header extension");
    }
    bitmaps.push_back(std::move(bitmap));
    bytes = bytes.subspan(taken);
  }
  if (bitmaps.size() != header.bitmaps->count) {
    return corrupt("Less bitmaps found than specified in header extension");
  }
  return bitmaps;
}

}  // namespace

bool Bitmap::foreign() const {
  return type != bitmap_dirty_tracking || (flags & ~known_flags) != 0 ||
         (!extra.empty() && (flags & bitmap_extra_data_compatible) == 0);
}

uint64_t bitmap_table_entries(const Header& header, uint64_t bytes, uint8_t granularity_bits) {
  const uint64_t bits = div_round_up(bytes, uint64_t{1} << granularity_bits);
  return div_round_up(div_round_up(bits, 8), header.cluster_size());
}

Task<std::vector<Bitmap>> read_bitmap_directory(storage::Source& file, const Header& header) {
  if (!header.bitmaps) co_return std::vector<Bitmap>();
  const BitmapsExtension& place = *header.bitmaps;
  if (place.directory_size == 0) co_return corrupt("Requested bitmap directory size is zero");
  if (place.directory_offset > INT64_MAX - place.directory_size) {
    co_return fail(ErrorKind::corrupt, "Failed to read bitmap directory: Input/output error", EIO);
  }
  // What lies beyond the end of the file reads as zeroes, and zeroes are no entry.
  const uint64_t size = file.size();
  const uint64_t there = size > place.directory_offset ? size - place.directory_offset : 0;
  const uint64_t length =
      std::min(place.directory_size, there + align_up(fixed_bytes, header.cluster_size()));
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(length));
  Result<void> done = co_await read_bytes(file, place.directory_offset, bytes.span());
  if (!done) {
    co_return std::unexpected(
        std::move(done).error().in_context("Failed to read bitmap directory"));
  }
  co_return decode_all(header, bytes.span());
}

Task<std::vector<uint64_t>> read_bitmap_table(storage::Source& file, const Header& header,
                                              const Bitmap& bitmap) {
  const uint64_t bytes = uint64_t{bitmap.table_size} * 8;
  if (bitmap.table_offset > INT64_MAX - bytes) {
    co_return std::unexpected(in_table(bitmap, "Input/output error"));
  }
  if (!bitmap.in_use() && !bitmap.foreign()) {
    if (bitmap.table_size != bitmap_table_entries(header, header.size, bitmap.granularity_bits)) {
      co_return corrupt("Could not read bitmap '" + bitmap.name + "' from image: Invalid argument");
    }
  }
  std::vector<uint64_t> table(bitmap.table_size);
  const Result<void> done = co_await read_entries(file, bitmap.table_offset, table);
  if (!done)
    co_return std::unexpected(in_table(bitmap, done.error().message(), done.error().kind()));
  for (const uint64_t entry : table) {
    const uint64_t offset = entry & bitmap_table_offset_mask;
    const bool both = offset != 0 && (entry & 1) != 0;
    if ((entry & table_reserved_mask) != 0 || both || !is_aligned(offset, header.cluster_size())) {
      co_return std::unexpected(in_table(bitmap, "Invalid argument"));
    }
  }
  co_return table;
}

std::vector<std::byte> encode_bitmap_directory(std::span<const Bitmap> bitmaps) {
  std::vector<std::byte> bytes;
  for (const Bitmap& bitmap : bitmaps) {
    const size_t start = bytes.size();
    bytes.resize(start + align_up(fixed_bytes + bitmap.extra.size() + bitmap.name.size(), 8));
    std::byte* raw = bytes.data() + start;
    store_be<uint64_t>(raw, bitmap.table_offset);
    store_be<uint32_t>(raw + 8, bitmap.table_size);
    store_be<uint32_t>(raw + 12, bitmap.flags);
    raw[16] = std::byte{bitmap.type};
    raw[17] = std::byte{bitmap.granularity_bits};
    store_be<uint16_t>(raw + 18, static_cast<uint16_t>(bitmap.name.size()));
    store_be<uint32_t>(raw + 20, static_cast<uint32_t>(bitmap.extra.size()));
    std::ranges::copy(bitmap.extra, raw + fixed_bytes);
    std::ranges::copy(std::as_bytes(std::span(bitmap.name)),
                      raw + fixed_bytes + bitmap.extra.size());
  }
  return bytes;
}

}  // namespace oxbow::format::qcow2
