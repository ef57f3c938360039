#include "format/qcow2/snapshot_table.h"

#include <algorithm>
#include <cstring>

#include "format/qcow2/header.h"
#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

// Lengths of the optional fields that are known, from the first on.
constexpr uint32_t up_to_vm_state = 8;
constexpr uint32_t up_to_disk_size = 16;
constexpr uint32_t up_to_icount = 24;

struct EntrySizes {
  uint32_t extra = 0;
  uint16_t id = 0;
  uint16_t name = 0;

  [[nodiscard]] uint64_t total() const {
    return align_up(snapshot_fixed_bytes + extra + id + name, 8);
  }
};

EntrySizes decode_fixed(const std::byte* raw, Snapshot& entry) {
  entry.l1_table_offset = load_be<uint64_t>(raw);
  entry.l1_size = load_be<uint32_t>(raw + 8);
  entry.date_sec = load_be<uint32_t>(raw + 16);
  entry.date_nsec = load_be<uint32_t>(raw + 20);
  entry.vm_clock_nsec = load_be<uint64_t>(raw + 24);
  entry.vm_state_size = load_be<uint32_t>(raw + 32);
  entry.extra_bytes = load_be<uint32_t>(raw + 36);
  return {entry.extra_bytes, load_be<uint16_t>(raw + 12), load_be<uint16_t>(raw + 14)};
}

void decode_rest(const std::byte* raw, const EntrySizes& sizes, uint64_t image_size,
                 Snapshot& entry) {
  if (sizes.extra >= up_to_vm_state) entry.vm_state_size = load_be<uint64_t>(raw);
  entry.disk_size =
      sizes.extra >= up_to_disk_size ? load_be<uint64_t>(raw + up_to_vm_state) : image_size;
  if (sizes.extra >= up_to_icount) {
    const auto icount = load_be<uint64_t>(raw + up_to_disk_size);
    if (icount != UINT64_MAX) entry.icount = icount;
  }
  if (sizes.extra > up_to_icount) {
    entry.further_extra.assign(raw + up_to_icount, raw + sizes.extra);
  }
  const char* text = reinterpret_cast<const char*>(raw + sizes.extra);
  entry.id.assign(text, sizes.id);
  entry.name.assign(text + sizes.id, sizes.name);
}

void encode_entry(const Snapshot& entry, const EntrySizes& sizes, std::byte* raw) {
  store_be<uint64_t>(raw, entry.l1_table_offset);
  store_be<uint32_t>(raw + 8, entry.l1_size);
  store_be<uint16_t>(raw + 12, sizes.id);
  store_be<uint16_t>(raw + 14, sizes.name);
  store_be<uint32_t>(raw + 16, entry.date_sec);
  store_be<uint32_t>(raw + 20, entry.date_nsec);
  store_be<uint64_t>(raw + 24, entry.vm_clock_nsec);
  // The 32-bit field holds what it can; the extra field is the one that counts.
  const bool small = entry.vm_state_size <= UINT32_MAX;
  store_be<uint32_t>(raw + 32, small ? static_cast<uint32_t>(entry.vm_state_size) : 0);
  store_be<uint32_t>(raw + 36, sizes.extra);
  std::byte* extra = raw + snapshot_fixed_bytes;
  store_be<uint64_t>(extra, entry.vm_state_size);
  store_be<uint64_t>(extra + up_to_vm_state, entry.disk_size);
  store_be<uint64_t>(extra + up_to_disk_size, entry.icount.value_or(UINT64_MAX));
  std::ranges::copy(entry.further_extra, extra + up_to_icount);
  std::byte* text = extra + sizes.extra;
  std::memcpy(text, entry.id.data(), sizes.id);
  std::memcpy(text + sizes.id, entry.name.data(), sizes.name);
}

Error too_much_extra(size_t index) {
  return Error(ErrorKind::corrupt,
               "Too much extra metadata in snapshot table entry " + std::to_string(index), EFBIG)
      .with_hint("You can force-remove this extra metadata with qemu-img check -r all\n");
}

Error in_table(int os_error) {
  return Error::from_errno(os_error, "Failed to read snapshot table");
}

}  // namespace

std::vector<std::byte> encode_snapshots(std::span<const Snapshot> snapshots) {
  std::vector<std::byte> bytes;
  for (const Snapshot& entry : snapshots) {
    EntrySizes sizes;
    sizes.extra = up_to_icount + static_cast<uint32_t>(entry.further_extra.size());
    sizes.id = static_cast<uint16_t>(entry.id.size());
    sizes.name = static_cast<uint16_t>(entry.name.size());
    const size_t begin = bytes.size();
    bytes.resize(begin + sizes.total());
    encode_entry(entry, sizes, bytes.data() + begin);
  }
  return bytes;
}

Result<void> check_snapshot_place(const Header& header) {
  if (header.nb_snapshots > max_snapshots) {
    return fail(ErrorKind::corrupt, "Snapshot table too large", EFBIG);
  }
  if (!table_place_valid(header, header.snapshots_offset,
                         uint64_t{header.nb_snapshots} * snapshot_fixed_bytes)) {
    return fail(ErrorKind::corrupt, "Snapshot table offset invalid", EINVAL);
  }
  return {};
}

Task<std::vector<Snapshot>> read_snapshots(storage::Source& file, const Header& header) {
  std::vector<Snapshot> snapshots;
  if (header.nb_snapshots != 0 &&
      header.snapshots_offset > max_file_offset - max_snapshot_table_bytes) {
    co_return std::unexpected(in_table(EIO));
  }
  MetadataReader reader(file, header.snapshots_offset,
                        header.snapshots_offset + max_snapshot_table_bytes);
  for (size_t i = 0; i < header.nb_snapshots; ++i) {
    if (reader.left() < snapshot_fixed_bytes) {
      co_return fail(ErrorKind::corrupt, "Snapshot table is too big", EFBIG);
    }
    Result<std::span<const std::byte>> fixed = co_await reader.next(snapshot_fixed_bytes);
    if (!fixed) co_return std::unexpected(in_table(fixed.error().as_errno()));
    Snapshot entry;
    const EntrySizes sizes = decode_fixed(fixed->data(), entry);
    if (sizes.extra > max_snapshot_extra_bytes) co_return std::unexpected(too_much_extra(i));
    const uint64_t rest = sizes.total() - snapshot_fixed_bytes;
    if (rest > reader.left()) {
      co_return fail(ErrorKind::corrupt, "Snapshot table is too big", EFBIG);
    }
    Result<std::span<const std::byte>> tail = co_await reader.next(rest);
    if (!tail) co_return std::unexpected(in_table(tail.error().as_errno()));
    decode_rest(tail->data(), sizes, header.size, entry);
    snapshots.push_back(std::move(entry));
  }
  co_return snapshots;
}

uint64_t snapshot_table_bytes(std::span<const Snapshot> snapshots) {
  uint64_t bytes = 0;
  for (const Snapshot& entry : snapshots) {
    const uint64_t unpadded =
        snapshot_fixed_bytes + entry.extra_bytes + entry.id.size() + entry.name.size();
    bytes = align_up(bytes, 8) + unpadded;
  }
  return bytes;
}

}  // namespace oxbow::format::qcow2
