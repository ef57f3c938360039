#include "format/qcow2/create_layout.h"

#include <algorithm>

namespace oxbow::format::qcow2 {
namespace {

using storage::Preallocation;

// The stock tools allocate data in requests of less than 2 GiB, and a refcount block that
// becomes necessary goes behind the request.
constexpr uint64_t largest_request = INT32_MAX;

struct Units {
  explicit Units(const Qcow2CreateOptions& options)
      : cluster_size(uint64_t{1} << options.cluster_bits),
        per_table(cluster_size / (options.extended_l2 ? 16 : 8)),
        per_block((cluster_size * 8) >> options.refcount_order),
        guest_clusters(div_round_up(align_up(options.size, 512), cluster_size)),
        l1_entries(div_round_up(guest_clusters, per_table)),
        l1_clusters(div_round_up(l1_entries * 8, cluster_size)),
        crypto_clusters(div_round_up(options.crypto_header_bytes(), cluster_size)),
        data_elsewhere(options.data_file.has_value()) {}

  uint64_t cluster_size;
  uint64_t per_table;
  uint64_t per_block;
  uint64_t guest_clusters;
  uint64_t l1_entries;
  uint64_t l1_clusters;
  uint64_t crypto_clusters;
  bool data_elsewhere;  ///< at the guest's own offsets of another file
};

Result<void> check_table(const Units& units, uint64_t table_clusters) {
  if (table_clusters * units.cluster_size > max_refcount_table_bytes) {
    return fail(ErrorKind::invalid_argument,
                "The refcount table would be too large (try using a larger cluster size)", EFBIG);
  }
  return {};
}

// Clusters are handed out from the front to the back of the file; a region that nothing
// counts yet gets its refcount block right behind what was just handed out.
class FrontToBack {
 public:
  FrontToBack(const Units& units, CreateLayout& layout) : units_(units), layout_(layout) {}

  uint64_t take(uint64_t count) {
    const uint64_t first = layout_.end;
    layout_.end += count;
    for (uint64_t region = first / units_.per_block;
         region <= (first + count - 1) / units_.per_block; ++region) {
      count_region(region);
    }
    return first;
  }

 private:
  // The block may itself lie in a region that has none: that one's block follows it.
  void count_region(uint64_t region) {
    for (;;) {
      if (layout_.refcount_blocks.size() <= region) layout_.refcount_blocks.resize(region + 1);
      if (layout_.refcount_blocks[region] != 0) return;
      const uint64_t place = layout_.end++;
      layout_.refcount_blocks[region] = place;
      region = place / units_.per_block;
    }
  }

  const Units& units_;
  CreateLayout& layout_;
};

void add_run(std::vector<DataRun>& runs, const DataRun& run) {
  if (!runs.empty() && runs.back().host + runs.back().count == run.host) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

void take_tables(const Units& units, FrontToBack& space, CreateLayout& layout) {
  layout.tables.reserve(units.l1_entries);
  for (uint64_t guest = 0; guest < units.guest_clusters;) {
    layout.tables.push_back(space.take(1));
    const uint64_t table_end = std::min(guest + units.per_table, units.guest_clusters);
    while (guest < table_end) {
      const uint64_t count =
          std::min(table_end - guest, std::max<uint64_t>(1, largest_request / units.cluster_size));
      const uint64_t host = units.data_elsewhere ? guest : space.take(count);
      add_run(layout.data, {guest, host, count});
      guest += count;
    }
  }
}

// Header, refcount table and first block, then the L1 table and the LUKS header.
CreateLayout base_layout(const Units& units, uint64_t table_clusters) {
  CreateLayout layout;
  layout.l1_entries = units.l1_entries;
  layout.refcount_table_clusters = table_clusters;
  FrontToBack space(units, layout);
  layout.end = 1 + table_clusters;
  const uint64_t first_block = layout.end++;
  layout.refcount_blocks = {first_block};
  if (units.l1_clusters != 0) layout.l1 = space.take(units.l1_clusters);
  if (units.crypto_clusters != 0) layout.crypto = space.take(units.crypto_clusters);
  return layout;
}

// A refcount table that turns out too small is made larger from the start.
Result<CreateLayout> plan_front_to_back(const Units& units, bool with_data) {
  for (uint64_t table_clusters = 1;;) {
    TRY(check_table(units, table_clusters));
    CreateLayout layout = base_layout(units, table_clusters);
    FrontToBack space(units, layout);
    if (with_data) take_tables(units, space, layout);
    const uint64_t needed = div_round_up(layout.refcount_blocks.size() * 8, units.cluster_size);
    if (needed <= table_clusters) return layout;
    table_clusters = needed;
  }
}

// falloc and full: behind the L1 table come refcount blocks for everything, a new refcount
// table, then the data in one piece and the L2 tables; the first of these goes where the old
// refcount table was.
Result<CreateLayout> plan_data_in_one_piece(const Units& units) {
  TRY_ASSIGN(CreateLayout layout, plan_front_to_back(units, false));
  const uint64_t begin = layout.end;
  const uint64_t old_table_clusters = layout.refcount_table_clusters;
  const uint64_t have = layout.refcount_blocks.size();
  uint64_t blocks = have;
  uint64_t table_clusters = 1;
  for (;;) {
    const uint64_t total =
        begin + (blocks - have) + table_clusters + units.guest_clusters + units.l1_entries;
    // The stock tools keep two clusters to spare.
    const uint64_t needed = std::max(have, div_round_up(total + 2, units.per_block));
    const uint64_t needed_table = div_round_up(needed * 8, units.cluster_size);
    if (needed <= blocks && needed_table <= table_clusters) break;
    blocks = std::max(blocks, needed);
    table_clusters = std::max(table_clusters, needed_table);
  }
  TRY(check_table(units, table_clusters));
  for (uint64_t region = have; region < blocks; ++region) {
    layout.refcount_blocks.push_back(layout.end++);
  }
  layout.refcount_table = layout.end;
  layout.refcount_table_clusters = table_clusters;
  layout.end += table_clusters;
  if (units.guest_clusters != 0) layout.data = {{0, layout.end, units.guest_clusters}};
  layout.end += units.guest_clusters;
  for (uint64_t i = 0; i < units.l1_entries; ++i) {
    layout.tables.push_back(i < old_table_clusters ? 1 + i : layout.end++);
  }
  layout.cluster_1_free = layout.tables.empty();
  return layout;
}

}  // namespace

Result<CreateLayout> plan_create(const Qcow2CreateOptions& options) {
  const Units units(options);
  const bool takes_space = options.preallocation == Preallocation::falloc ||
                           options.preallocation == Preallocation::full;
  if (takes_space && !units.data_elsewhere) return plan_data_in_one_piece(units);
  return plan_front_to_back(units, options.links_data());
}

}  // namespace oxbow::format::qcow2
