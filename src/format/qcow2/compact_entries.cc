#include "format/qcow2/compact_entries.h"

#include "base/sparse_bits.h"
#include "format/qcow2/check_references.h"
#include "format/qcow2/table_window.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

// L1 entries that name tables of the window.
class TableFinder {
 public:
  TableFinder(const Header& header, EntryQuery query) : header_(header), query_(query) {}

  Task<> visit(uint32_t tree, uint64_t first, std::span<const uint64_t> l1) {
    for (size_t i = 0; i < l1.size() && found.size() <= EntryFinder::most; ++i) {
      const uint64_t table = (l1[i] & l1_offset_mask) >> header_.cluster_bits;
      if (table < query_.first || table >= query_.end) continue;
      found.push_back({table, tree, static_cast<uint32_t>(first + i)});
    }
    co_return {};
  }

  std::vector<TableLink> found;

 private:
  const Header& header_;
  EntryQuery query_;
};

// L2 entries that name data of the window.
class DataFinder {
 public:
  DataFinder(storage::Source& file, const Header& header, EntryQuery query)
      : header_(header),
        query_(query),
        window_(file, header.cluster_size()),
        seen_((file.size() >> header.cluster_bits) + 1) {}

  Task<> visit(uint32_t, uint64_t, std::span<const uint64_t> l1) {
    for (size_t i = 0; i < l1.size() && found.size() <= EntryFinder::most; ++i) {
      const uint64_t table = l1[i] & l1_offset_mask;
      const uint64_t cluster = table >> header_.cluster_bits;
      if (table == 0 || cluster >= seen_.size() || seen_.test(cluster)) continue;
      seen_.set(cluster, 1);
      const uint64_t in_a_row =
          tables_in_a_row(l1.subspan(i), header_.cluster_size(), window_.capacity());
      CO_TRY_ASSIGN(const std::byte* bytes, co_await window_.get(table, in_a_row));
      look_into(table, bytes);
    }
    co_return {};
  }

  std::vector<DataLink> found;

 private:
  [[nodiscard]] bool inside(uint64_t first, uint64_t last) const {
    return last >= query_.first && first < query_.end;
  }

  void look_into(uint64_t table, const std::byte* bytes) {
    const uint64_t entries = header_.l2_entries();
    const uint32_t step = header_.l2_entry_size();
    for (uint32_t i = 0; i < entries; ++i) {
      const L2Entry entry{load_be<uint64_t>(bytes + size_t{i} * step), 0};
      if (is_compressed(entry)) {
        if (query_.compressed) add_compressed(table, i, entry);
      } else if (!query_.compressed && host_cluster(entry) != 0) {
        const uint64_t host = host_cluster(entry);
        const uint64_t cluster = host >> header_.cluster_bits;
        if (inside(cluster, cluster)) found.push_back({table, host, 0, i, 0});
      }
    }
  }

  void add_compressed(uint64_t table, uint32_t index, const L2Entry& entry) {
    const CompressedPlace place = compressed_place(entry, header_.cluster_bits);
    const uint64_t end = place.offset + place.length;
    if (!inside(place.offset >> header_.cluster_bits, (end - 1) >> header_.cluster_bits)) return;
    const uint64_t begin = align_down(place.offset, compressed_sector);
    found.push_back(
        {table, place.offset, 0, index, static_cast<uint32_t>((end - begin) / compressed_sector)});
  }

  const Header& header_;
  EntryQuery query_;
  TableWindow window_;
  SparseBits seen_;
};

}  // namespace

template <class Visit>
Task<> EntryFinder::for_each_l1(Visit& visit) {
  CO_TRY(co_await visit.visit(0, 0, active_l1_));
  for (size_t s = 0; s < snapshots_.size(); ++s) {
    const Snapshot& snapshot = snapshots_[s];
    for (uint64_t first = 0; first < snapshot.l1_size; first += l1_piece) {
      const uint64_t count = std::min<uint64_t>(l1_piece, snapshot.l1_size - first);
      CO_TRY_ASSIGN(const std::vector<uint64_t> l1,
                    co_await read_l1_piece(file_, snapshot.l1_table_offset, first, count));
      CO_TRY(co_await visit.visit(static_cast<uint32_t>(s + 1), first, l1));
    }
  }
  co_return {};
}

Task<std::optional<std::vector<TableLink>>> EntryFinder::tables(EntryQuery query) {
  TableFinder finder(header_, query);
  CO_TRY(co_await for_each_l1(finder));
  std::optional<std::vector<TableLink>> found;
  if (finder.found.size() <= most) found = std::move(finder.found);
  co_return found;
}

Task<std::optional<std::vector<DataLink>>> EntryFinder::data(EntryQuery query) {
  DataFinder finder(file_, header_, query);
  CO_TRY(co_await for_each_l1(finder));
  std::optional<std::vector<DataLink>> found;
  if (finder.found.size() <= most) found = std::move(finder.found);
  co_return found;
}

}  // namespace oxbow::format::qcow2
