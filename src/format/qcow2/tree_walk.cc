#include "format/qcow2/tree_walk.h"

#include "format/qcow2/check_references.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/table_window.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

class RunCollector {
 public:
  explicit RunCollector(TreeVisitor& visitor) : visitor_(visitor) {}

  /// The plain entry that would extend the run; UINT64_MAX where none could.
  [[nodiscard]] uint64_t next(uint32_t cluster_bits) const {
    return run_.count == 0 ? UINT64_MAX : (run_.cluster + run_.count) << cluster_bits;
  }
  void extend_by(uint64_t count) { run_.count += count; }

  /// True where the run has been extended; else flush() first.
  bool extend(uint64_t cluster, uint64_t count) {
    if (run_.count == 0) {
      run_ = {false, cluster, count};
      return true;
    }
    if (run_.cluster + run_.count != cluster) return false;
    run_.count += count;
    return true;
  }
  Task<> flush() {
    if (run_.count == 0) co_return {};
    const TreeRun run = std::exchange(run_, {});
    co_return co_await visitor_.visit_run(run);
  }

 private:
  TreeVisitor& visitor_;
  TreeRun run_;
};

struct Clusters {
  uint64_t first = 0;
  uint64_t count = 0;
};

// The host clusters that one L2 entry refers to; an external data file's are not counted.
Clusters clusters_of(uint64_t raw, const Header& header) {
  const L2Entry entry{raw, 0};
  if (is_compressed(entry)) {
    const CompressedPlace place = compressed_place(entry, header.cluster_bits);
    const uint64_t first = place.offset >> header.cluster_bits;
    return {first, ((place.offset + place.length - 1) >> header.cluster_bits) - first + 1};
  }
  if (host_cluster(entry) == 0 || header.has_data_file()) return {};
  return {host_cluster(entry) >> header.cluster_bits, 1};
}

Task<> walk_table(const Header& header, std::span<const std::byte> table, TreeVisitor& visitor) {
  RunCollector runs(visitor);
  const size_t step = header.l2_entry_size();
  for (size_t at = 0; at < table.size(); at += step) {
    // Plain clusters one after the other: nearly all of most tables.
    uint64_t next = runs.next(header.cluster_bits);
    const size_t begin = at;
    while (at < table.size() && (load_be<uint64_t>(table.data() + at) & ~copied_flag) == next) {
      next += header.cluster_size();
      at += step;
    }
    runs.extend_by((at - begin) / step);
    if (at == table.size()) break;
    const Clusters clusters = clusters_of(load_be<uint64_t>(table.data() + at), header);
    if (clusters.count == 0 || runs.extend(clusters.first, clusters.count)) continue;
    CO_TRY(co_await runs.flush());
    runs.extend(clusters.first, clusters.count);
  }
  co_return co_await runs.flush();
}

}  // namespace

Task<> walk_tree(storage::Source& file, const Header& header, std::span<const uint64_t> l1,
                 TreeVisitor& visitor) {
  TableWindow window(file, header.cluster_size());
  for (size_t i = 0; i < l1.size(); ++i) {
    const uint64_t table = l1[i] & l1_offset_mask;
    if (table == 0) continue;
    if (!is_aligned(table, header.cluster_size())) {
      co_return fail(ErrorKind::corrupt,
                     "L2 table offset " + hex(table) + " of L1 entry " + std::to_string(i) +
                         " is not aligned to a cluster",
                     EIO);
    }
    const TreeRun itself{true, table >> header.cluster_bits, 1};
    CO_TRY(co_await visitor.visit_run(itself));
    CO_TRY_ASSIGN(const bool wanted, co_await visitor.wants_table(i, table));
    if (!wanted) continue;
    const uint64_t in_a_row =
        tables_in_a_row(l1.subspan(i), header.cluster_size(), window.capacity());
    CO_TRY_ASSIGN(const std::byte* bytes, co_await window.get(table, in_a_row));
    const std::span contents(bytes, header.cluster_size());
    CO_TRY(co_await visitor.visit_table(i, table, contents));
    CO_TRY(co_await walk_table(header, contents, visitor));
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
