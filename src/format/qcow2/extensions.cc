#include "format/qcow2/extensions.h"

#include <algorithm>
#include <cstring>

#include "format/qcow2/feature_names.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t extension_header = 8;
constexpr uint64_t bitmaps_length = 24;
constexpr uint64_t crypto_length = 16;
constexpr uint64_t max_format_name = 15;
// What 65535 bitmaps take at most: the largest directory that the stock tools accept.
constexpr uint64_t max_directory = uint64_t{max_bitmaps} * 1024;

Error damaged(std::string message) { return {ErrorKind::corrupt, std::move(message)}; }

std::string text_of(std::span<const std::byte> bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

// Calls visit(type, data) for each extension, in order, until the end marker.
template <class Visit>
Result<void> walk(std::span<const std::byte> bytes, uint64_t begin, uint64_t end, Visit visit) {
  for (uint64_t at = begin; at < end;) {
    const uint32_t type = load_be<uint32_t>(bytes.data() + at);
    const uint64_t length = load_be<uint32_t>(bytes.data() + at + 4);
    at += extension_header;
    if (at > end ? length != 0 || type != extension_end : length > end - at) {
      return std::unexpected(damaged("Header extension too large"));
    }
    if (type == extension_end) return {};
    TRY(visit(type, bytes.subspan(at, length)));
    at += align_up(length, 8);
  }
  return {};
}

Result<void> take_bitmaps(std::span<const std::byte> data, const ExtensionContext& context,
                          Extensions& into) {
  if (data.size() != bitmaps_length) {
    return std::unexpected(damaged("bitmaps_ext: Invalid extension length"));
  }
  // Somebody who does not know bitmaps wrote to the image: they say nothing any more.
  if ((context.autoclear_features & autoclear_bitmaps) == 0) {
    into.bitmaps_outdated = true;
    return {};
  }
  const BitmapsExtension found{load_be<uint32_t>(data.data()), load_be<uint64_t>(data.data() + 8),
                               load_be<uint64_t>(data.data() + 16)};
  if (load_be<uint32_t>(data.data() + 4) != 0) {
    return std::unexpected(damaged("bitmaps_ext: Reserved field is not zero"));
  }
  if (found.count > max_bitmaps) {
    return std::unexpected(damaged("bitmaps_ext: Image has " + std::to_string(found.count) +
                                   " bitmaps, exceeding the QEMU supported maximum of " +
                                   std::to_string(max_bitmaps)));
  }
  if (found.count == 0) {
    return std::unexpected(damaged("found bitmaps extension with zero bitmaps"));
  }
  if (!is_aligned(found.directory_offset, uint64_t{1} << context.cluster_bits)) {
    return std::unexpected(damaged("bitmaps_ext: invalid bitmap directory offset"));
  }
  if (found.directory_size > max_directory) {
    return std::unexpected(
        damaged("bitmaps_ext: bitmap directory size (" + std::to_string(found.directory_size) +
                ") exceeds the maximum supported size (" + std::to_string(max_directory) + ")"));
  }
  into.bitmaps = found;
  return {};
}

Result<void> take_crypto(std::span<const std::byte> data, const ExtensionContext& context,
                         Extensions& into) {
  if (context.crypt_method != crypt_luks) {
    return std::unexpected(
        damaged("CRYPTO header extension only expected with LUKS encryption method"));
  }
  if (data.size() != crypto_length) {
    return std::unexpected(damaged("CRYPTO header extension size " + std::to_string(data.size()) +
                                   ", but expected size " + std::to_string(crypto_length)));
  }
  const CryptoExtension found{load_be<uint64_t>(data.data()), load_be<uint64_t>(data.data() + 8)};
  const uint64_t cluster_size = uint64_t{1} << context.cluster_bits;
  if (!is_aligned(found.offset, cluster_size)) {
    return std::unexpected(damaged("Encryption header offset '" + std::to_string(found.offset) +
                                   "' is not a multiple of cluster size '" +
                                   std::to_string(cluster_size) + "'"));
  }
  into.crypto = found;
  return {};
}

std::vector<FeatureName> rows_of(std::span<const std::byte> data) {
  std::vector<FeatureName> rows;
  // A last row may be cut short; an empty name ends the table.
  for (uint64_t at = 0; at + 2 < data.size(); at += feature_row) {
    const uint64_t room = std::min(feature_name_bytes, data.size() - at - 2);
    std::string name = text_of(data.subspan(at + 2, room));
    if (name.empty()) break;
    rows.push_back({std::to_integer<uint8_t>(data[at]), std::to_integer<uint8_t>(data[at + 1]),
                    std::move(name)});
  }
  return rows;
}

Result<void> take(uint32_t type, std::span<const std::byte> data, const ExtensionContext& context,
                  Extensions& into) {
  switch (type) {
    case extension_backing_format:
      if (data.size() > max_format_name) {
        return std::unexpected(
            damaged("ERROR: ext_backing_format: len=" + std::to_string(data.size()) +
                    " too large (>=" + std::to_string(max_format_name + 1) + ")"));
      }
      into.backing_format = text_of(data);
      return {};
    case extension_feature_names: into.feature_names = rows_of(data); return {};
    case extension_data_file: into.data_file = text_of(data); return {};
    case extension_bitmaps: return take_bitmaps(data, context, into);
    case extension_crypto: return take_crypto(data, context, into);
    default: into.unknown.push_back({type, {data.begin(), data.end()}}); return {};
  }
}

void append(std::vector<std::byte>& to, uint32_t type, std::span<const std::byte> data) {
  const size_t start = to.size();
  to.resize(start + extension_header + align_up(data.size(), 8));
  store_be<uint32_t>(to.data() + start, type);
  store_be<uint32_t>(to.data() + start + 4, static_cast<uint32_t>(data.size()));
  std::ranges::copy(data, to.begin() + static_cast<ptrdiff_t>(start + extension_header));
}

void append(std::vector<std::byte>& to, uint32_t type, const std::string& text) {
  append(to, type, std::as_bytes(std::span(text)));
}

}  // namespace

uint64_t extensions_need(std::span<const std::byte> bytes, uint64_t begin, uint64_t end) {
  for (uint64_t at = begin; at < end;) {
    if (at + extension_header > bytes.size()) return at + extension_header;
    const uint32_t type = load_be<uint32_t>(bytes.data() + at);
    const uint64_t length = load_be<uint32_t>(bytes.data() + at + 4);
    at += extension_header;
    if (type == extension_end || at > end || length > end - at) break;
    if (at + length > bytes.size()) return end + extension_header;
    at += align_up(length, 8);
  }
  return 0;
}

Result<Extensions> parse_extensions(std::span<const std::byte> bytes, uint64_t begin, uint64_t end,
                                    const ExtensionContext& context) {
  Extensions found;
  TRY(walk(bytes, begin, end, [&](uint32_t type, std::span<const std::byte> data) {
    return take(type, data, context, found);
  }));
  return found;
}

std::vector<FeatureName> parse_feature_names(std::span<const std::byte> bytes, uint64_t begin,
                                             uint64_t end) {
  std::vector<FeatureName> names;
  auto look = [&](uint32_t type, std::span<const std::byte> data) -> Result<void> {
    if (type == extension_feature_names) names = rows_of(data);
    return {};
  };
  // What comes before the damage still helps.
  (void)walk(bytes, begin, end, look);
  return names;
}

std::vector<std::byte> encode_extensions(const Extensions& extensions) {
  std::vector<std::byte> bytes;
  if (extensions.backing_format) {
    append(bytes, extension_backing_format, *extensions.backing_format);
  }
  if (extensions.data_file) append(bytes, extension_data_file, *extensions.data_file);
  if (extensions.crypto) {
    std::byte data[crypto_length];
    store_be(data, extensions.crypto->offset);
    store_be(data + 8, extensions.crypto->length);
    append(bytes, extension_crypto, data);
  }
  if (!extensions.feature_names.empty()) {
    append(bytes, extension_feature_names, encode_feature_names(extensions.feature_names));
  }
  if (extensions.bitmaps) {
    std::byte data[bitmaps_length] = {};
    store_be(data, extensions.bitmaps->count);
    store_be(data + 8, extensions.bitmaps->directory_size);
    store_be(data + 16, extensions.bitmaps->directory_offset);
    append(bytes, extension_bitmaps, data);
  }
  for (const UnknownExtension& unknown : extensions.unknown) {
    append(bytes, unknown.type, unknown.data);
  }
  append(bytes, extension_end, std::span<const std::byte>());
  return bytes;
}

std::vector<FeatureName> standard_feature_names() {
  return {{0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
          {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
          {2, 0, "bitmaps"},          {2, 1, "raw external data"}};
}

}  // namespace oxbow::format::qcow2
