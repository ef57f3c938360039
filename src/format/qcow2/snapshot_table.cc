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
// Where a table with too much in it is read to be repaired.
constexpr uint64_t max_damaged_table_bytes = INT32_MAX;

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

struct EntryReader {
  MetadataReader reader;
  uint64_t image_size;
  const DiscardSink* discard;
  uint64_t kept = 0;  // bytes of entries, without what was cut off

  // None where the entry would go beyond the table's largest size.
  Task<std::optional<Snapshot>> next(size_t index);
};

Task<std::optional<Snapshot>> EntryReader::next(size_t index) {
  if (reader.left() < snapshot_fixed_bytes) co_return std::nullopt;
  Result<std::span<const std::byte>> fixed = co_await reader.next(snapshot_fixed_bytes);
  if (!fixed) co_return std::unexpected(in_table(fixed.error().as_errno()));
  std::optional<Snapshot> entry(std::in_place);
  EntrySizes sizes = decode_fixed(fixed->data(), *entry);
  const uint64_t rest = sizes.total() - snapshot_fixed_bytes;
  uint64_t cut_off = 0;
  if (sizes.extra > max_snapshot_extra_bytes) {
    if (discard == nullptr) co_return std::unexpected(too_much_extra(index));
    (*discard)(1, "Discarding too much extra metadata in snapshot table entry " +
                      std::to_string(index) + " (" + std::to_string(sizes.extra) + " > " +
                      std::to_string(max_snapshot_extra_bytes) + ")");
    cut_off = sizes.extra - max_snapshot_extra_bytes;
    sizes.extra = max_snapshot_extra_bytes;
  }
  kept += snapshot_fixed_bytes + rest - cut_off;
  if (rest > reader.left() || kept > max_snapshot_table_bytes) co_return std::nullopt;
  Result<std::span<const std::byte>> extra = co_await reader.next(sizes.extra);
  if (!extra) co_return std::unexpected(in_table(extra.error().as_errno()));
  std::vector<std::byte> bytes(extra->begin(), extra->end());
  reader.skip(cut_off);
  extra = co_await reader.next(rest - cut_off - sizes.extra);
  if (!extra) co_return std::unexpected(in_table(extra.error().as_errno()));
  bytes.insert(bytes.end(), extra->begin(), extra->end());
  decode_rest(bytes.data(), sizes, image_size, *entry);
  co_return entry;
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

Task<std::vector<Snapshot>> read_snapshots(storage::Source& file, const Header& header,
                                           const DiscardSink* discard) {
  std::vector<Snapshot> snapshots;
  const uint64_t longest = discard == nullptr ? max_snapshot_table_bytes : max_damaged_table_bytes;
  if (header.nb_snapshots != 0 && header.snapshots_offset > max_file_offset - longest) {
    co_return std::unexpected(in_table(EIO));
  }
  EntryReader reader{
      MetadataReader(file, header.snapshots_offset, header.snapshots_offset + longest), header.size,
      discard};
  for (size_t i = 0; i < header.nb_snapshots; ++i) {
    CO_TRY_ASSIGN(std::optional<Snapshot> entry, co_await reader.next(i));
    if (!entry && discard == nullptr) {
      co_return fail(ErrorKind::corrupt, "Snapshot table is too big", EFBIG);
    }
    if (!entry) {
      const uint64_t left = header.nb_snapshots - i;
      (*discard)(left, "Discarding " + std::to_string(left) +
                           " overhanging snapshots (snapshot table is too big)");
      break;
    }
    snapshots.push_back(std::move(*entry));
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
