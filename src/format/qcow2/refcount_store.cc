#include "format/qcow2/refcount_store.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "format/qcow2/header_switch.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/refcount_reader.h"

namespace oxbow::format::qcow2 {
namespace {

class RefcountStore {
 public:
  RefcountStore(Gate& gate, Header& header, ReferenceMap& references)
      : gate_(gate),
        header_(header),
        references_(references),
        per_block_(header.refcount_block_entries()),
        end_(std::max(references.end(), div_round_up(gate.file().size(), header.cluster_size()))) {}

  Task<> run(Blocks blocks);

 private:
  Task<> load_places();
  Result<uint64_t> take(uint64_t clusters);
  Result<bool> place_one();
  Result<void> place_missing();
  [[nodiscard]] bool has_references(uint64_t region) const;
  Task<> rewrite_blocks();
  Task<> rewrite_block(uint64_t region, std::span<std::byte> block, std::span<std::byte> old);
  Task<> write_table();

  Gate& gate_;
  Header& header_;
  ReferenceMap& references_;
  uint64_t per_block_;
  uint64_t end_;                  // clusters from here on are free
  std::vector<uint64_t> blocks_;  // host offsets by region
  std::vector<uint64_t> added_;   // regions whose block is new
  uint64_t table_entries_ = 0;
  uint64_t new_table_ = 0;  // clusters; 0: the table stays where it is
  uint64_t new_table_clusters_ = 0;
};

bool RefcountStore::has_references(uint64_t region) const {
  const uint64_t first = region * per_block_;
  const uint64_t last = std::min(first + per_block_, references_.clusters());
  return first < last && references_.any(first, last - first);
}

// Clusters behind everything else, each with a reference.
Result<uint64_t> RefcountStore::take(uint64_t clusters) {
  if (end_ + clusters > references_.clusters()) {
    return fail(ErrorKind::corrupt, gate_.file().filename() + ": too many refcounts are missing",
                EIO);
  }
  references_.add(end_, clusters);
  end_ += clusters;
  return end_ - clusters;
}

// Adds one block that is missing, or a larger table; false where nothing is missing.
Result<bool> RefcountStore::place_one() {
  for (uint64_t region = 0; region < div_round_up(end_, per_block_); ++region) {
    if (blocks_.size() <= region) blocks_.resize(region + 1);
    if (blocks_[region] == 0 && has_references(region)) {
      TRY_ASSIGN(const uint64_t place, take(1));
      blocks_[region] = place << header_.cluster_bits;
      added_.push_back(region);
      return true;
    }
    if (region >= table_entries_ && blocks_[region] != 0) {
      const uint64_t entries_per_cluster = header_.cluster_size() / 8;
      // The table is counted, too, and so are the blocks that it takes to do that.
      const uint64_t least = div_round_up(blocks_.size(), entries_per_cluster);
      const uint64_t more_blocks = least / per_block_ + 3;
      new_table_clusters_ = div_round_up(blocks_.size() + more_blocks, entries_per_cluster);
      table_entries_ = new_table_clusters_ * entries_per_cluster;
      TRY_ASSIGN(new_table_, take(new_table_clusters_));
      return true;
    }
  }
  return false;
}

Task<> RefcountStore::load_places() {
  RefcountReader refcounts(gate_.file(), header_);
  CO_TRY(co_await refcounts.load());
  table_entries_ = (uint64_t{header_.refcount_table_clusters} << header_.cluster_bits) / 8;
  for (uint64_t region = 0; region < refcounts.table().size(); ++region) {
    blocks_.push_back(refcounts.block(region));
  }
  co_return {};
}

// What is placed needs counts itself, so this goes on until nothing is missing.
Result<void> RefcountStore::place_missing() {
  for (;;) {
    TRY_ASSIGN(const bool placed, place_one());
    if (!placed) break;
  }
  if (new_table_clusters_ << header_.cluster_bits > max_refcount_table_bytes) {
    return fail(ErrorKind::corrupt,
                gate_.file().filename() + ": the refcount table would be too large", EFBIG);
  }
  return {};
}

Task<> RefcountStore::rewrite_block(uint64_t region, std::span<std::byte> block,
                                    std::span<std::byte> old) {
  std::ranges::fill(block, std::byte{0});
  const uint64_t first = region * per_block_;
  const uint64_t last = std::min(first + per_block_, references_.clusters());
  for (uint64_t cluster = first; cluster < last; ++cluster) {
    const uint64_t count = references_.count(cluster);
    if (count != 0) store_refcount(block.data(), cluster - first, header_.refcount_order, count);
  }
  if (std::ranges::find(added_, region) == added_.end()) {
    CO_TRY(co_await read_bytes(gate_.file(), blocks_[region], old));
    if (std::memcmp(block.data(), old.data(), old.size()) == 0) co_return {};
  }
  const iovec from = io_slice(std::span<const std::byte>(block));
  co_return co_await gate_.write(Writes::refcount_block, blocks_[region], IoSpan(&from, 1));
}

Task<> RefcountStore::rewrite_blocks() {
  CO_TRY_ASSIGN(Buffer block, Buffer::allocate(header_.cluster_size()));
  CO_TRY_ASSIGN(Buffer old, Buffer::allocate(header_.cluster_size()));
  for (uint64_t region = 0; region < blocks_.size(); ++region) {
    if (blocks_[region] == 0) continue;
    CO_TRY(co_await rewrite_block(region, block.span(), old.span()));
  }
  co_return {};
}

Task<> RefcountStore::write_table() {
  const bool moves = new_table_ != 0;
  const uint64_t bytes = moves ? new_table_clusters_ << header_.cluster_bits
                               : uint64_t{header_.refcount_table_clusters} << header_.cluster_bits;
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate_zeroed(bytes));
  store_be_all(table.data(), std::span(blocks_).first(std::min(blocks_.size(), bytes / 8)));
  const uint64_t offset =
      moves ? new_table_ << header_.cluster_bits : header_.refcount_table_offset;
  const iovec from = io_slice(std::span<const std::byte>(table.span()));
  co_return co_await gate_.write(Writes::refcount_table, offset, IoSpan(&from, 1));
}

Task<> RefcountStore::run(Blocks blocks) {
  if (blocks == Blocks::keep) CO_TRY(co_await load_places());
  CO_TRY(place_missing());
  CO_TRY(co_await rewrite_blocks());
  if (added_.empty() && new_table_ == 0) co_return co_await gate_.barrier();
  // The table points at the new blocks only once they are on disk, the header at the new table
  // only once that is.
  CO_TRY(co_await gate_.barrier());
  CO_TRY(co_await write_table());
  CO_TRY(co_await gate_.barrier());
  if (new_table_ == 0) co_return {};
  co_return co_await switch_refcount_table(gate_, header_, new_table_ << header_.cluster_bits,
                                           static_cast<uint32_t>(new_table_clusters_));
}

}  // namespace

Task<> store_refcounts(Gate& gate, Header& header, ReferenceMap references, Blocks blocks) {
  RefcountStore store(gate, header, references);
  co_return co_await store.run(blocks);
}

uint64_t refcount_room(const Gate& gate, const Header& header) {
  const uint64_t clusters = div_round_up(gate.file().size(), header.cluster_size());
  const uint64_t table = max_refcount_table_bytes >> header.cluster_bits;
  return 2 * div_round_up(clusters, header.refcount_block_entries()) + 2 * table + 16;
}

}  // namespace oxbow::format::qcow2
