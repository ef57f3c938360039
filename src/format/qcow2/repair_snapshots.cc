#include "format/qcow2/repair_snapshots.h"

#include "format/qcow2/check.h"
#include "format/qcow2/check_references.h"
#include "format/qcow2/header_switch.h"
#include "format/qcow2/refcount_store.h"
#include "format/qcow2/survey.h"

namespace oxbow::format::qcow2 {
namespace {

Task<ReferenceMap> count_references(Gate& gate, const Header& header,
                                    std::span<const Snapshot> snapshots, uint64_t more_clusters) {
  CO_TRY_ASSIGN(Survey seen, co_await survey_quietly(gate.file(), header, snapshots,
                                                     refcount_room(gate, header) + more_clusters));
  co_return std::move(seen.references);
}

}  // namespace

void SnapshotTableRepair::give_up(std::vector<Snapshot>& snapshots, CheckReport& report) {
  const uint64_t limit = gate_.file().size();
  std::erase_if(snapshots, [&](const Snapshot& snapshot) {
    const uint64_t bytes = snapshot.l1_size * 8;
    if (snapshot_l1_sound(header_, snapshot) && bytes <= limit &&
        snapshot.l1_table_offset <= limit - bytes) {
      return false;
    }
    report.corruption_fixed("Giving up snapshot " + snapshot.id + " (" + snapshot.name +
                            "): its L1 table cannot be at " + hex(snapshot.l1_table_offset));
    changed_ = true;
    return true;
  });
}

Task<std::vector<Snapshot>> SnapshotTableRepair::load(CheckReport& report) {
  Header readable = header_;
  if (header_.nb_snapshots > max_snapshots) {
    const uint64_t left_out = header_.nb_snapshots - max_snapshots;
    report.corruption_fixed("Discarding " + std::to_string(left_out) + " overhanging snapshots",
                            left_out);
    readable.nb_snapshots = max_snapshots;
    changed_ = true;
  }
  const DiscardSink discard = [this, &report](uint64_t count, std::string text) {
    report.corruption_fixed(std::move(text), count);
    changed_ = true;
  };
  CO_TRY_ASSIGN(std::vector<Snapshot> snapshots,
                co_await load_snapshots(gate_.file(), readable, report, &discard));
  if (gives_up_) give_up(snapshots, report);
  for (size_t i = 0; i < snapshots.size(); ++i) {
    if (!is_incomplete(header_, snapshots[i])) continue;
    report.corruption_fixed("Repairing snapshot table entry " + std::to_string(i) +
                            " is incomplete");
    changed_ = true;
  }
  co_return snapshots;
}

// Counted, then filled, then linked.
Task<uint64_t> SnapshotTableRepair::write_table(std::span<const Snapshot> old,
                                                std::span<const std::byte> table) {
  const uint64_t clusters = div_round_up(table.size(), header_.cluster_size());
  CO_TRY_ASSIGN(ReferenceMap references, co_await count_references(gate_, header_, old, clusters));
  const uint64_t first =
      std::max(references.end(), div_round_up(gate_.file().size(), header_.cluster_size()));
  references.add(first, clusters);
  CO_TRY(co_await store_refcounts(gate_, header_, std::move(references), Blocks::keep));
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate_zeroed(clusters << header_.cluster_bits));
  std::ranges::copy(table, bytes.data());
  const iovec from = io_slice(std::span<const std::byte>(bytes.span()));
  const uint64_t offset = first << header_.cluster_bits;
  CO_TRY(co_await gate_.write(Writes::snapshot_table, offset, IoSpan(&from, 1)));
  CO_TRY(co_await gate_.barrier());
  co_return offset;
}

Task<> SnapshotTableRepair::store(std::span<const Snapshot> snapshots) {
  const std::vector<std::byte> table = encode_snapshots(snapshots);
  uint64_t offset = 0;
  if (!table.empty()) {
    CO_TRY_ASSIGN(offset, co_await write_table(snapshots, table));
  }
  const auto count = static_cast<uint32_t>(snapshots.size());
  CO_TRY(co_await switch_snapshot_table(gate_, header_, count, offset));
  CO_TRY_ASSIGN(const std::vector<Snapshot> stored, co_await read_snapshots(gate_.file(), header_));
  CO_TRY_ASSIGN(ReferenceMap references, co_await count_references(gate_, header_, stored, 0));
  co_return co_await store_refcounts(gate_, header_, std::move(references), Blocks::keep);
}

}  // namespace oxbow::format::qcow2
