// Compressed data: begins and ends anywhere, shares clusters and even sectors
// with its neighbours. It is moved sector by sector; neighbours stay neighbours
// where there is room, so that it needs no more of it than before.
#include <algorithm>
#include <map>

#include "format/qcow2/compact.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {
namespace {

// Bytes [from, from + length) are copied to `to`; whole sectors.
struct SectorCopy {
  uint64_t from;
  uint64_t to;
  uint64_t length;
};

// Finds places in free clusters for data in ascending order.
class Packer {
 public:
  Packer(SparseBits& used, const Refcounts& refcounts, const Header& header, uint64_t target)
      : used_(used), refcounts_(refcounts), header_(header), target_(target) {}

  /// A place for the sectors from `from` on, to which there are `references`;
  /// of the first sector.
  std::optional<uint64_t> place(uint64_t from, uint64_t length, uint64_t references) {
    const bool follows =
        previous_ && from >= previous_->from && from < previous_->from + previous_->length;
    std::optional<uint64_t> to;
    if (follows) to = previous_->to + (from - previous_->from);
    if (!to || !has_room(*to, length, references)) to = at_;
    while (!has_room(*to, length, references)) {
      if (!next_run()) return std::nullopt;
      to = at_;
    }
    take(*to, length, references);
    previous_ = SectorCopy{from, *to, length};
    at_ = std::max(at_, *to + length);
    return to;
  }
  /// References to each cluster that was taken.
  [[nodiscard]] const std::map<uint64_t, uint64_t>& taken() const { return taken_; }

 private:
  [[nodiscard]] uint64_t cluster(uint64_t offset) const { return offset >> header_.cluster_bits; }

  [[nodiscard]] bool has_room(uint64_t to, uint64_t length, uint64_t references) const {
    if (to + length > run_end_) return false;
    for (uint64_t c = cluster(to); c <= cluster(to + length - 1); ++c) {
      const auto known = taken_.find(c);
      const uint64_t now = known == taken_.end() ? 0 : known->second;
      if (now + references > max_refcount(header_.refcount_order)) return false;
    }
    return true;
  }

  void take(uint64_t to, uint64_t length, uint64_t references) {
    for (uint64_t c = cluster(to); c <= cluster(to + length - 1); ++c) {
      taken_[c] += references;
      used_.set(c, 1);
    }
  }

  // The next free clusters in a row.
  bool next_run() {
    uint64_t first = used_.next_clear(std::max(search_, cluster(run_end_)));
    while (first < target_ && !refcounts_.counts(first)) first = used_.next_clear(first + 1);
    if (first >= target_) return false;
    uint64_t end = first + 1;
    while (end < target_ && !used_.test(end) && refcounts_.counts(end)) ++end;
    search_ = end;
    at_ = first << header_.cluster_bits;
    run_end_ = end << header_.cluster_bits;
    previous_.reset();
    return true;
  }

  SparseBits& used_;
  const Refcounts& refcounts_;
  const Header& header_;
  uint64_t target_;
  uint64_t search_ = 0;
  uint64_t at_ = 0;  // the first sector of the run that is free
  uint64_t run_end_ = 0;
  std::optional<SectorCopy> previous_;
  std::map<uint64_t, uint64_t> taken_;
};

}  // namespace

Task<bool> Compactor::move_compressed(Window window) {
  EntryFinder finder(gate_.file(), header_, map_.l1_entries(), snapshots_);
  CO_TRY_ASSIGN(auto found, co_await finder.data({window.first, window.end, true}));
  if (!found) co_return false;
  std::ranges::stable_sort(*found, {}, &DataLink::from);
  Packer packer(used_, refcounts_, header_, target_);
  std::vector<DataLink> links;
  std::vector<SectorCopy> copies;
  for (size_t i = 0; i < found->size();) {
    const DataLink& first = (*found)[i];
    size_t end = i;
    while (end < found->size() && (*found)[end].from == first.from &&
           (*found)[end].sectors == first.sectors) {
      ++end;
    }
    const uint64_t begin = align_down(first.from, compressed_sector);
    const uint64_t length = uint64_t{first.sectors} * compressed_sector;
    const uint64_t references = references_by(std::span(*found).subspan(i, end - i));
    if (const auto to = packer.place(begin, length, references)) {
      SectorCopy copy{begin, *to, length};
      if (!copies.empty()) {
        // Sectors that the one before has copied, too, are copied once.
        SectorCopy& last = copies.back();
        if (begin < last.from + last.length && *to - begin == last.to - last.from) {
          last.length = std::max(last.length, begin + length - last.from);
          copy.length = 0;
        }
      }
      if (copy.length != 0) copies.push_back(copy);
      for (size_t k = i; k < end; ++k) {
        (*found)[k].to = *to + (first.from - begin);
        links.push_back((*found)[k]);
      }
    }
    i = end;
  }
  if (links.empty()) co_return true;
  std::vector<Move> moves;
  for (const auto& [cluster, references] : packer.taken()) {
    CO_TRY(co_await refcounts_.claim(Writes::data, cluster));
    moves.push_back({0, cluster, references});
  }
  for (const SectorCopy& copy : copies) {
    CO_TRY(co_await copy_bytes(Writes::data, copy.from, copy.to, copy.length));
  }
  CO_TRY(co_await count_all(moves));
  CO_TRY(co_await relink_entries(links));
  for (const DataLink& link : links) {
    const uint64_t first = link.from >> header_.cluster_bits;
    const uint64_t end =
        align_down(link.from, compressed_sector) + uint64_t{link.sectors} * compressed_sector - 1;
    const uint64_t clusters = (end >> header_.cluster_bits) - first + 1;
    for (uint64_t i = references_by(std::span(&link, 1)); i != 0; --i) {
      refcounts_.release(Writes::data, offset_of(first), clusters);
    }
  }
  CO_TRY(co_await settle());
  for (const SectorCopy& copy : copies) result_.moved += copy.length;
  co_return true;
}

}  // namespace oxbow::format::qcow2
