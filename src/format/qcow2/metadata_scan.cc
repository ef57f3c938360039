#include "format/qcow2/metadata_scan.h"

#include <algorithm>

#include "format/qcow2/bitmap_directory.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/snapshot_table.h"

namespace oxbow::format::qcow2 {
namespace {

struct Range {
  uint64_t begin;
  uint64_t end;
};

class Scan {
 public:
  Scan(storage::Source& file, const Header& header, ClassMask wanted, const MetadataVisitor& visit)
      : file_(file), header_(header), wanted_(wanted), visit_(visit) {}

  Task<> from_file() {
    if (wants(class_bit(Writes::snapshot_table) | class_bit(Writes::inactive_l1) |
              class_bit(Writes::inactive_l2))) {
      CO_TRY(co_await snapshots());
    }
    if (wants(class_bit(Writes::bitmap_table) | class_bit(Writes::bitmap_data))) {
      CO_TRY(co_await bitmaps());
    }
    co_return {};
  }

  void from_memory(const TablesInMemory& tables) {
    tell(Writes::main_header, 0, header_.cluster_size());
    tell(Writes::active_l1, header_.l1_table_offset, uint64_t{header_.l1_size} * 8);
    tell(Writes::refcount_table, header_.refcount_table_offset,
         uint64_t{header_.refcount_table_clusters} * header_.cluster_size());
    if (header_.crypto) {
      tell(Writes::crypto_header, header_.crypto->offset, header_.crypto->length);
    }
    if (header_.bitmaps) {
      tell(Writes::bitmap_directory, header_.bitmaps->directory_offset,
           header_.bitmaps->directory_size);
    }
    if (wants(class_bit(Writes::active_l2))) tables_of(Writes::active_l2, tables.l1_entries());
    if (wants(class_bit(Writes::refcount_block))) {
      tables_of(Writes::refcount_block, tables.refcount_blocks());
    }
  }

 private:
  [[nodiscard]] bool wants(unsigned classes) const { return (wanted_ & classes) != 0; }

  void tell(Writes kind, uint64_t offset, uint64_t length) {
    if (length != 0 && wants(class_bit(kind))) visit_(kind, offset, length);
  }

  void tables_of(Writes kind, std::span<const uint64_t> entries) {
    for (const uint64_t entry : entries) {
      if ((entry & l1_offset_mask) != 0) tell(kind, entry & l1_offset_mask, header_.cluster_size());
    }
  }

  Task<> snapshots() {
    if (header_.nb_snapshots == 0) co_return {};
    CO_TRY_ASSIGN(const std::vector<Snapshot> found, co_await read_snapshots(file_, header_));
    tell(Writes::snapshot_table, header_.snapshots_offset, snapshot_table_bytes(found));
    std::vector<Range> l1_tables;
    for (const Snapshot& snapshot : found) {
      const uint64_t bytes = std::min<uint64_t>(snapshot.l1_size, max_l1_bytes / 8) * 8;
      if (bytes == 0 || snapshot.l1_table_offset > max_file_offset - bytes) continue;
      tell(Writes::inactive_l1, snapshot.l1_table_offset, bytes);
      l1_tables.push_back({snapshot.l1_table_offset, snapshot.l1_table_offset + bytes});
    }
    if (!wants(class_bit(Writes::inactive_l2))) co_return {};
    co_return co_await what_tables_name(Writes::inactive_l2, std::move(l1_tables));
  }

  // Tables may lie over each other in a hostile image: each byte is read once.
  Task<> what_tables_name(Writes kind, std::vector<Range> tables) {
    std::ranges::sort(tables, {}, &Range::begin);
    uint64_t done = 0;
    for (const Range& table : tables) {
      const uint64_t begin = std::max(done, table.begin);
      const uint64_t end = std::min(table.end, file_.size());
      if (begin < end) CO_TRY(co_await what_entries_name(kind, begin, end));
      done = std::max(done, table.end);
    }
    co_return {};
  }

  Task<> what_entries_name(Writes kind, uint64_t begin, uint64_t end) {
    constexpr uint64_t piece = 1 << 20;
    for (uint64_t at = begin; at < end; at += piece) {
      std::vector<uint64_t> entries(std::min(piece, align_up(end - at, 8)) / 8);
      CO_TRY(co_await read_entries(file_, at, entries));
      // Of a bitmap's damaged table nobody follows what is no entry.
      if (kind == Writes::bitmap_data) {
        std::erase_if(entries, [&](uint64_t entry) { return !names_cluster(entry); });
      }
      tables_of(kind, entries);
    }
    co_return {};
  }

  [[nodiscard]] bool names_cluster(uint64_t bitmap_entry) const {
    return (bitmap_entry & ~bitmap_table_offset_mask) == 0 &&
           is_aligned(bitmap_entry, header_.cluster_size());
  }

  Task<> bitmaps() {
    if (!header_.bitmaps) co_return {};
    CO_TRY_ASSIGN(const std::vector<Bitmap> found, co_await read_bitmap_directory(file_, header_));
    std::vector<Range> tables;
    for (const Bitmap& bitmap : found) {
      const uint64_t bytes = uint64_t{bitmap.table_size} * 8;
      if (bytes == 0 || bitmap.table_offset > max_file_offset - bytes) continue;
      tell(Writes::bitmap_table, bitmap.table_offset, bytes);
      tables.push_back({bitmap.table_offset, bitmap.table_offset + bytes});
    }
    if (!wants(class_bit(Writes::bitmap_data))) co_return {};
    co_return co_await what_tables_name(Writes::bitmap_data, std::move(tables));
  }

  storage::Source& file_;
  const Header& header_;
  ClassMask wanted_;
  const MetadataVisitor& visit_;
};

}  // namespace

Task<> scan_metadata(storage::Source& file, const Header& header, const TablesInMemory& tables,
                     ClassMask wanted, const MetadataVisitor& visit) {
  Scan scan(file, header, wanted, visit);
  CO_TRY(co_await scan.from_file());
  scan.from_memory(tables);
  co_return {};
}

}  // namespace oxbow::format::qcow2
