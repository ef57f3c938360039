#include "format/qcow2/check_refcounts.h"

#include <bit>
#include <cstring>

#include "format/qcow2/repair_counts.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t per_word = ReferenceMap::per_word;

}  // namespace

bool count_refcount_structures(const Header& header, const RefcountReader& refcounts,
                               uint64_t file_clusters, RegionCounter& regions,
                               const ReferenceMap& references, CheckReport& report,
                               bool repairing) {
  bool sound = true;
  const uint64_t cluster_size = header.cluster_size();
  regions.count(header.refcount_table_offset,
                uint64_t{header.refcount_table_clusters} << header.cluster_bits);
  for (uint64_t i = 0; i < refcounts.table().size(); ++i) {
    const uint64_t entry = refcounts.table()[i];
    if (entry == 0) continue;
    const uint64_t block = refcounts.block(i);
    const std::string named = "refcount block " + std::to_string(i);
    if ((entry & ~refcount_table_offset_mask) != 0) {
      report.corruption("ERROR refcount table entry " + std::to_string(i) +
                        " has reserved bits set");
      sound = false;
    } else if (!refcounts.aligned(i)) {
      report.corruption("ERROR " + named +
                        " is not cluster aligned; refcount table entry corrupted");
      sound = false;
    } else if (block >> header.cluster_bits >= file_clusters) {
      if (repairing) {
        report.corruption_fixed("Repairing " + named + " is outside image");
      } else {
        report.corruption("ERROR " + named + " is outside image");
      }
      sound = false;
    } else {
      // A count that is full does not grow, so it is looked at before, too.
      sound = sound && references.count(block >> header.cluster_bits) == 0;
      regions.count(block, cluster_size);
      const uint64_t references_to_it = references.count(block >> header.cluster_bits);
      if (references_to_it != 1) {
        report.corruption("ERROR " + named + " refcount=" + std::to_string(references_to_it));
      }
    }
  }
  return sound;
}

RefcountComparer::RefcountComparer(storage::Source& file, const Header& header,
                                   const RefcountReader& refcounts, const ReferenceMap& references,
                                   CheckReport& report, CountWriter* writer)
    : header_(header),
      refcounts_(refcounts),
      references_(references),
      report_(report),
      writer_(writer),
      window_(file, header.cluster_size()),
      word_bytes_((per_word << header.refcount_order) / 8),
      ones_(word_bytes_),
      zeroes_(word_bytes_) {
  for (uint64_t i = 0; i < per_word; ++i) store_refcount(ones_.data(), i, header.refcount_order, 1);
}

Task<> RefcountComparer::compare(uint64_t clusters) {
  const uint64_t all = std::max(clusters, references_.end());
  const uint64_t per_block = header_.refcount_block_entries();
  for (uint64_t region = 0; region * per_block < all; ++region) {
    CO_TRY(co_await compare_region(region, std::min(per_block, all - region * per_block)));
  }
  co_return {};
}

Task<> RefcountComparer::compare_region(uint64_t region, uint64_t clusters) {
  const uint64_t first = region * header_.refcount_block_entries();
  const uint64_t block = refcounts_.block(region);
  if (block == 0) {
    compare_without_block(first, clusters);
    co_return {};
  }
  if (!refcounts_.readable(region)) {
    tell_unreadable(region, first, clusters);
    co_return {};
  }
  uint64_t in_a_row = 1;
  while (in_a_row < window_.capacity() &&
         refcounts_.block(region + in_a_row) == block + in_a_row * header_.cluster_size()) {
    ++in_a_row;
  }
  CO_TRY_ASSIGN(const std::byte* counts, co_await window_.get(block, in_a_row));
  compare_block(counts, first, clusters);
  if (writer_ == nullptr) co_return {};
  co_return co_await writer_->write(block, first, std::span(counts, header_.cluster_size()));
}

void RefcountComparer::compare_block(const std::byte* block, uint64_t first, uint64_t count) {
  for (uint64_t done = 0; done < count; done += per_word) {
    compare_word(block + done / per_word * word_bytes_, (first + done) / per_word,
                 std::min(per_word, count - done));
  }
}

// Mostly all 64 clusters have one reference, or none.
void RefcountComparer::compare_word(const std::byte* counts, uint64_t word, uint64_t count) {
  const uint64_t referenced = references_.word(word);
  if (count == per_word && !references_.shared(word)) {
    const std::byte* expected = referenced == UINT64_MAX ? ones_.data() : zeroes_.data();
    const bool uniform = referenced == UINT64_MAX || referenced == 0;
    if (uniform && std::memcmp(counts, expected, word_bytes_) == 0) {
      if (referenced != 0) end_ = (word + 1) * per_word;
      return;
    }
  }
  for (uint64_t i = 0; i < count; ++i) {
    judge(word * per_word + i, load_refcount(counts, i, header_.refcount_order));
  }
}

void RefcountComparer::compare_without_block(uint64_t first, uint64_t count) {
  for (uint64_t at = first; at < first + count; at += per_word) {
    uint64_t referenced = references_.word(at / per_word);
    for (; referenced != 0; referenced &= referenced - 1) {
      judge(at + static_cast<uint64_t>(std::countr_zero(referenced)), 0);
    }
  }
}

void RefcountComparer::tell_unreadable(uint64_t region, uint64_t first, uint64_t count) {
  if (!refcounts_.aligned(region) && !told_corrupt_) {
    report_.note("qcow2: Image is corrupt: Refblock offset " + hex(refcounts_.block(region)) +
                 " unaligned (reftable index: " + (region == 0 ? "0" : hex(region)) +
                 "); further non-fatal corruption events will be suppressed");
    told_corrupt_ = true;
  }
  broken_ = true;
  for (uint64_t i = first; i < first + count; ++i) {
    report_.check_error("Can't get refcount for cluster " + std::to_string(i) +
                        ": Input/output error");
  }
}

void RefcountComparer::judge(uint64_t cluster, uint64_t refcount) {
  const uint64_t references = references_.count(cluster);
  if (refcount != 0 || references != 0) end_ = cluster + 1;
  if (refcount == references) return;
  const bool too_low = refcount < references;
  const bool repaired = writer_ != nullptr && writer_->sets(too_low);
  const std::string text = "cluster " + std::to_string(cluster) +
                           " refcount=" + std::to_string(refcount) +
                           " reference=" + std::to_string(references);
  if (refcount == 0) broken_ = true;
  if (repaired) writer_->set(cluster, references);
  if (repaired && too_low) {
    report_.corruption_fixed("Repairing " + text);
  } else if (repaired) {
    report_.leak_fixed("Repairing " + text);
  } else if (too_low) {
    report_.corruption("ERROR " + text);
  } else {
    report_.leak("Leaked " + text);
  }
}

}  // namespace oxbow::format::qcow2
