#include "format/qcow2/header_layout.h"

#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

uint64_t fields_of(const Header& header, const std::byte* bytes) {
  return header.version < 3 ? v2_header_length : load_be<uint32_t>(bytes + header_offset_length);
}

}  // namespace

Task<HeaderLayout> read_header_layout(storage::Source& file, const Header& header) {
  HeaderLayout found;
  CO_TRY_ASSIGN(found.bytes, Buffer::allocate(header.cluster_size()));
  CO_TRY(co_await read_bytes(file, 0, found.bytes.span()));
  const std::byte* bytes = found.bytes.data();
  found.fields = fields_of(header, bytes);
  found.name_offset = load_be<uint64_t>(bytes + header_offset_backing_name);
  found.name_length = load_be<uint32_t>(bytes + header_offset_backing_name + 8);
  const uint64_t end = found.name_offset != 0 ? found.name_offset : header.cluster_size();
  const bool sound = found.fields <= end && end <= header.cluster_size() &&
                     found.name_length <= header.cluster_size() - found.name_offset;
  if (!sound) {
    co_return fail(ErrorKind::corrupt, file.filename() + ": the header has changed its length",
                   EINVAL);
  }
  uint64_t at = found.fields;
  while (at + extension_prefix <= end) {
    const ExtensionPlace place{at, load_be<uint32_t>(bytes + at),
                               load_be<uint32_t>(bytes + at + 4)};
    if (place.type == extension_end || place.end() > end) break;
    found.places.push_back(place);
    at = place.end();
  }
  found.end_marker = at;
  co_return found;
}

std::vector<std::byte> extension_prefix_bytes(uint32_t type, uint64_t length) {
  std::vector<std::byte> bytes(extension_prefix);
  store_be<uint32_t>(bytes.data(), type);
  store_be<uint32_t>(bytes.data() + 4, static_cast<uint32_t>(length));
  return bytes;
}

}  // namespace oxbow::format::qcow2
