#include "format/qcow2/header_extension.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "format/qcow2/header_layout.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

Task<> write_header_bytes(Gate& gate, uint64_t offset, std::span<const std::byte> bytes) {
  const iovec from{const_cast<std::byte*>(bytes.data()), bytes.size()};
  CO_TRY(co_await gate.write(Writes::main_header, offset, IoSpan(&from, 1)));
  co_return co_await gate.barrier();
}

// A copy first, then the field that says where it is.
Task<> move_name(Gate& gate, const HeaderLayout& layout, uint64_t to) {
  CO_TRY_ASSIGN(Buffer name, Buffer::allocate(layout.name_length));
  CO_TRY(co_await read_bytes(gate.file(), layout.name_offset, name.span()));
  CO_TRY(co_await write_header_bytes(gate, to, name.span()));
  std::byte field[8];
  store_be<uint64_t>(field, to);
  co_return co_await gate.switch_header(header_offset_backing_name, field);
}

// The bytes from the end marker on: where the data would lie in two sectors, an unused extension
// before it; the extension; a new end marker.
std::vector<std::byte> appended(uint64_t at, uint32_t type, std::span<const std::byte> data) {
  std::vector<std::byte> bytes;
  const ExtensionPlace direct{at, type, static_cast<uint32_t>(data.size())};
  if (!direct.in_one_sector()) {
    const uint64_t next_data = align_up(at + 2 * extension_prefix, header_sector);
    const uint64_t filler = next_data - at - 2 * extension_prefix;
    bytes = extension_prefix_bytes(extension_unused, filler);
    bytes.resize(extension_prefix + filler);
  }
  const std::vector<std::byte> head = extension_prefix_bytes(type, data.size());
  bytes.insert(bytes.end(), head.begin(), head.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  bytes.resize(align_up(bytes.size(), 8) + extension_prefix);
  return bytes;
}

// Behind the end marker nothing is looked at: all but the first eight bytes go there first, and
// those, in the marker's place, bring them into force.
Task<> append(Gate& gate, const Header& header, const HeaderLayout& layout, uint32_t type,
              std::span<const std::byte> data) {
  const uint64_t at = layout.end_marker;
  const std::vector<std::byte> bytes = appended(at, type, data);
  const uint64_t end = at + bytes.size();
  const bool in_the_way = layout.name_offset != 0 && layout.name_offset < end;
  const uint64_t name = align_up(std::max(end, layout.name_offset + layout.name_length), 8);
  if ((in_the_way ? name + layout.name_length : end) > header.cluster_size()) {
    co_return fail(ErrorKind::no_space,
                   gate.file().filename() + ": no room for another header extension", ENOSPC);
  }
  if (in_the_way) CO_TRY(co_await move_name(gate, layout, name));
  CO_TRY(co_await write_header_bytes(gate, at + extension_prefix,
                                     std::span(bytes).subspan(extension_prefix)));
  co_return co_await gate.switch_header(at, std::span(bytes).first(extension_prefix));
}

Task<> take_out(Gate& gate, const HeaderLayout& layout, const ExtensionPlace& place) {
  const bool last = place.end() == layout.end_marker;
  const std::vector<std::byte> bytes = last
                                           ? extension_prefix_bytes(extension_end, 0)
                                           : extension_prefix_bytes(extension_unused, place.length);
  co_return co_await gate.switch_header(place.offset, bytes);
}

}  // namespace

Task<> put_extension(Gate& gate, const Header& header, uint32_t type,
                     std::span<const std::byte> data) {
  CO_TRY_ASSIGN(const HeaderLayout layout, co_await read_header_layout(gate.file(), header));
  std::optional<ExtensionPlace> old;
  std::optional<ExtensionPlace> unused;
  for (const ExtensionPlace& place : layout.places) {
    if (place.type == type) old = place;
    const bool fits = place.length == data.size() && place.in_one_sector();
    if (place.type == extension_unused && fits) unused = place;
  }
  if (old && old->length == data.size() && old->in_one_sector()) {
    co_return co_await gate.switch_header(old->data(), data);
  }
  // Readers take the last of two: the new one is in force before the old one goes, if it lies
  // behind it.
  if (unused && !(old && unused->offset < old->offset)) {
    CO_TRY(co_await write_header_bytes(gate, unused->data(), data));
    const std::vector<std::byte> named = extension_prefix_bytes(type, data.size());
    CO_TRY(co_await gate.switch_header(unused->offset, named));
  } else {
    CO_TRY(co_await append(gate, header, layout, type, data));
  }
  if (!old) co_return {};
  // Whatever becomes of this, the new one is in force.
  const std::vector<std::byte> unnamed = extension_prefix_bytes(extension_unused, old->length);
  (void)co_await gate.switch_header(old->offset, unnamed);
  co_return {};
}

Task<> drop_extension(Gate& gate, const Header& header, uint32_t type) {
  for (;;) {
    CO_TRY_ASSIGN(const HeaderLayout layout, co_await read_header_layout(gate.file(), header));
    const auto place = std::ranges::find(layout.places, type, &ExtensionPlace::type);
    if (place == layout.places.end()) co_return {};
    CO_TRY(co_await take_out(gate, layout, *place));
  }
}

}  // namespace oxbow::format::qcow2
