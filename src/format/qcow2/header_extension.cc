#include "format/qcow2/header_extension.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t sector = 512;
constexpr uint64_t prefix_bytes = 8;  // type and length

struct Place {
  uint64_t offset = 0;  ///< of the prefix
  uint32_t type = 0;
  uint32_t length = 0;  ///< of the data

  [[nodiscard]] uint64_t data() const { return offset + prefix_bytes; }
  [[nodiscard]] uint64_t end() const { return data() + align_up(length, 8); }
  [[nodiscard]] bool in_one_sector() const {
    return length == 0 || data() / sector == (data() + length - 1) / sector;
  }
};

/// Where everything lies. Read anew for each change: it happens a few times in an image's life.
struct Layout {
  std::vector<Place> places;  ///< in order, without the end marker
  uint64_t end_marker = 0;
  uint64_t name_offset = 0;  ///< of the backing file's name; 0 for none
  uint64_t name_length = 0;
};

Task<Layout> read_layout(storage::Source& file, const Header& header) {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(header.cluster_size()));
  CO_TRY(co_await read_bytes(file, 0, bytes.span()));
  Layout found;
  found.name_offset = load_be<uint64_t>(bytes.data() + header_offset_backing_name);
  found.name_length = load_be<uint32_t>(bytes.data() + header_offset_backing_name + 8);
  const uint64_t end = found.name_offset != 0 ? found.name_offset : header.cluster_size();
  uint64_t at = v3_header_length + header.further_fields.size();
  while (at + prefix_bytes <= end) {
    const Place place{at, load_be<uint32_t>(bytes.data() + at),
                      load_be<uint32_t>(bytes.data() + at + 4)};
    if (place.type == extension_end || place.end() > end) break;
    found.places.push_back(place);
    at = place.end();
  }
  found.end_marker = at;
  co_return found;
}

std::vector<std::byte> prefix(uint32_t type, uint64_t length) {
  std::vector<std::byte> bytes(prefix_bytes);
  store_be<uint32_t>(bytes.data(), type);
  store_be<uint32_t>(bytes.data() + 4, static_cast<uint32_t>(length));
  return bytes;
}

Task<> write_header_bytes(Gate& gate, uint64_t offset, std::span<const std::byte> bytes) {
  const iovec from{const_cast<std::byte*>(bytes.data()), bytes.size()};
  CO_TRY(co_await gate.write(Writes::main_header, offset, IoSpan(&from, 1)));
  co_return co_await gate.barrier();
}

// A copy first, then the field that says where it is.
Task<> move_name(Gate& gate, const Layout& layout, uint64_t to) {
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
  const Place direct{at, type, static_cast<uint32_t>(data.size())};
  if (!direct.in_one_sector()) {
    const uint64_t next_data = align_up(at + 2 * prefix_bytes, sector);
    const uint64_t filler = next_data - at - 2 * prefix_bytes;
    bytes = prefix(extension_unused, filler);
    bytes.resize(prefix_bytes + filler);
  }
  const std::vector<std::byte> head = prefix(type, data.size());
  bytes.insert(bytes.end(), head.begin(), head.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  bytes.resize(align_up(bytes.size(), 8) + prefix_bytes);
  return bytes;
}

// Behind the end marker nothing is looked at: all but the first eight bytes go there first, and
// those, in the marker's place, bring them into force.
Task<> append(Gate& gate, const Header& header, const Layout& layout, uint32_t type,
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
  CO_TRY(
      co_await write_header_bytes(gate, at + prefix_bytes, std::span(bytes).subspan(prefix_bytes)));
  co_return co_await gate.switch_header(at, std::span(bytes).first(prefix_bytes));
}

Task<> take_out(Gate& gate, const Layout& layout, const Place& place) {
  const bool last = place.end() == layout.end_marker;
  const std::vector<std::byte> bytes =
      last ? prefix(extension_end, 0) : prefix(extension_unused, place.length);
  co_return co_await gate.switch_header(place.offset, bytes);
}

}  // namespace

Task<> put_extension(Gate& gate, const Header& header, uint32_t type,
                     std::span<const std::byte> data) {
  CO_TRY_ASSIGN(const Layout layout, co_await read_layout(gate.file(), header));
  std::optional<Place> old;
  std::optional<Place> unused;
  for (const Place& place : layout.places) {
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
    const std::vector<std::byte> named = prefix(type, data.size());
    CO_TRY(co_await gate.switch_header(unused->offset, named));
  } else {
    CO_TRY(co_await append(gate, header, layout, type, data));
  }
  if (!old) co_return {};
  // Whatever becomes of this, the new one is in force.
  const std::vector<std::byte> unnamed = prefix(extension_unused, old->length);
  (void)co_await gate.switch_header(old->offset, unnamed);
  co_return {};
}

Task<> drop_extension(Gate& gate, const Header& header, uint32_t type) {
  for (;;) {
    CO_TRY_ASSIGN(const Layout layout, co_await read_layout(gate.file(), header));
    const auto place = std::ranges::find(layout.places, type, &Place::type);
    if (place == layout.places.end()) co_return {};
    CO_TRY(co_await take_out(gate, layout, *place));
  }
}

}  // namespace oxbow::format::qcow2
