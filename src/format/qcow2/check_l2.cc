#include "format/qcow2/check_l2.h"

namespace oxbow::format::qcow2 {
namespace {

// How many 8-byte entries, from `table` on, continue `raw` cluster by cluster with the same
// flags; the first is taken to fit. Blocks of 16 keep the loop free of branches.
uint64_t run_length(const std::byte* table, uint64_t entries, uint64_t raw, uint64_t step) {
  constexpr uint64_t block = 16;
  uint64_t length = 0;
  for (; length + block <= entries; length += block) {
    uint64_t difference = 0;
    for (uint64_t i = 0; i < block; ++i) {
      const auto entry = load_be<uint64_t>(table + (length + i) * 8);
      difference |= entry ^ (raw + (length + i) * step);
    }
    if (difference != 0) break;
  }
  while (length < entries && load_be<uint64_t>(table + length * 8) == raw + length * step) ++length;
  return length;
}

uint64_t zero_length(const std::byte* table, uint64_t entries) {
  uint64_t length = 0;
  while (length < entries && load_be<uint64_t>(table + length * 8) == 0) ++length;
  return length;
}

}  // namespace

void RegionCounter::count(uint64_t offset, uint64_t size) {
  if (size == 0) return;
  if (!inside(offset, size)) {
    report_.corruption(
        "ERROR: counting reference for region exceeding the end of the file by one cluster or "
        "more: offset " +
        hex(offset) + " size " + hex(size));
    return;
  }
  const uint64_t first = offset >> bits_;
  count_clusters(first, ((offset + size - 1) >> bits_) - first + 1);
}

void RegionCounter::count_clusters(uint64_t first, uint64_t count) {
  if (!references_.any(first, count)) {
    references_.add(first, count);
    return;
  }
  for (uint64_t cluster = first; cluster < first + count; ++cluster) {
    if (references_.count(cluster) < max_count_) {
      references_.add(cluster, 1);
    } else {
      overflowed_ = true;
      report_.corruption("ERROR: overflow cluster offset=" + hex(cluster << bits_));
      report_.note(
          "Use qemu-img amend to increase the refcount entry width or qemu-img convert to create a "
          "clean copy if the image cannot be opened for writing");
    }
  }
}

L2Entry L2Checker::entry_at(const std::byte* table, uint64_t index) const {
  const std::byte* at = table + index * header_.l2_entry_size();
  return l2_entry(load_be<uint64_t>(at), header_.extended_l2() ? load_be<uint64_t>(at + 8) : 0,
                  header_.has_data_file());
}

void L2Checker::check(const std::byte* table, bool active, L2Repair* repair) {
  active_ = active;
  repair_ = repair;
  next_ = 0;
  const uint64_t entries = header_.l2_entries();
  if (header_.extended_l2()) {
    for (uint64_t i = 0; i < entries; ++i) check_entry(entry_at(table, i), i);
    return;
  }
  for (uint64_t i = 0; i < entries;) {
    const auto raw = load_be<uint64_t>(table + i * 8);
    if (raw == 0) {
      i += zero_length(table + i * 8, entries - i);
      continue;
    }
    const uint64_t run = take_run(table, i, raw);
    if (run == 0) check_entry(entry_at(table, i), i);
    i += std::max<uint64_t>(1, run);
  }
}

// The common case at full speed: sound entries whose clusters lie in a row. 0: not so.
uint64_t L2Checker::take_run(const std::byte* table, uint64_t index, uint64_t raw) {
  const uint64_t offset = raw & ~copied_flag;
  const uint64_t cluster_size = header_.cluster_size();
  if (offset == 0 || (offset & ~l2_offset_mask) != 0 || !is_aligned(offset, cluster_size) ||
      header_.has_data_file()) {
    return 0;
  }
  const uint64_t run =
      run_length(table + index * 8, header_.l2_entries() - index, raw, cluster_size);
  if (!regions_.inside(offset, run * cluster_size)) return 0;
  follow(offset, run);
  if (active_ && (raw & copied_flag) == 0) all_copied_ = false;
  regions_.count_clusters(offset >> header_.cluster_bits, run);
  return run;
}

void L2Checker::check_entry(const L2Entry& entry, uint64_t index) {
  if (repair_ == nullptr) return judge_entry(entry, index);
  const L2Entry becomes = repaired(entry, repair_->gives_up);
  if (becomes != entry) {
    tell_repair(entry, becomes, index);
    repair_->changes.push_back({index, becomes});
  }
  judge_entry(becomes, index);
}

void L2Checker::judge_entry(const L2Entry& entry, uint64_t index) {
  const L2Kind kind = kind_of(entry, !header_.extended_l2());
  if (kind != L2Kind::compressed && (entry.raw & l2_reserved_mask) != 0) {
    report_.corruption("ERROR found l2 entry with reserved bits set: " + bare_hex(entry.raw));
  }
  switch (kind) {
    case L2Kind::compressed: check_compressed(entry, index); return;
    case L2Kind::zero_plain: return;
    case L2Kind::unallocated:
      if (entry.allocated_subclusters() != 0) {
        report_.corruption("ERROR: Unallocated cluster has non-zero subcluster allocation map");
      }
      return;
    case L2Kind::zero_allocated:
    case L2Kind::normal: check_plain(entry, reads_zero(entry, kind)); return;
  }
}

// Nothing of the cluster is ever read.
bool L2Checker::reads_zero(const L2Entry& entry, L2Kind kind) const {
  if (header_.extended_l2()) return kind == L2Kind::normal && entry.allocated_subclusters() == 0;
  return kind == L2Kind::zero_allocated;
}

bool L2Checker::repairable(const std::byte* table, bool gives_up) const {
  for (uint64_t i = 0; i < header_.l2_entries(); ++i) {
    const L2Entry entry = entry_at(table, i);
    if (repaired(entry, gives_up) != entry) return true;
  }
  return false;
}

// Whether a cluster can be where the entry of a plain one says.
bool L2Checker::well_placed(const L2Entry& entry) const {
  const uint64_t offset = entry.raw & l2_offset_mask;
  return is_aligned(offset, header_.cluster_size()) &&
         (header_.has_data_file() || regions_.inside(offset, header_.cluster_size()));
}

bool L2Checker::readable(const L2Entry& entry, L2Kind kind) const {
  if (kind == L2Kind::normal) return well_placed(entry) || reads_zero(entry, kind);
  if (kind != L2Kind::compressed) return true;
  const CompressedPlace place = compressed_place(entry, header_.cluster_bits);
  return regions_.inside(place.offset, place.length);
}

// Nobody reads reserved bits; nor where the cluster lies if the entry reads as zeroes. Whoever
// gives up what an entry leads to keeps the subclusters that read as zeroes.
L2Entry L2Checker::repaired(const L2Entry& entry, bool gives_up) const {
  const L2Kind kind = kind_of(entry, !header_.extended_l2());
  L2Entry result = entry;
  if (kind != L2Kind::compressed) result.raw &= ~l2_reserved_mask;
  if (reads_zero(entry, kind) && !well_placed(entry)) {
    result.raw = header_.extended_l2() ? 0 : l2_zero_flag;
  } else if (gives_up && !readable(entry, kind)) {
    result = {0, uint64_t{entry.zero_subclusters()} << 32};
  }
  return result;
}

void L2Checker::tell_repair(const L2Entry& entry, const L2Entry& becomes, uint64_t index) {
  const L2Kind kind = kind_of(entry, !header_.extended_l2());
  const uint64_t offset = entry.raw & l2_offset_mask;
  if (kind != L2Kind::compressed && (entry.raw & l2_reserved_mask) != 0) {
    report_.corruption_fixed("Repairing l2 entry with reserved bits set: " + bare_hex(entry.raw));
  }
  if (!readable(entry, kind)) {
    report_.corruption_fixed("Giving up the cluster at " +
                             hex(repair_->guest + index * header_.cluster_size()) +
                             " of the disk: its entry leads nowhere: " + bare_hex(entry.raw));
  } else if ((becomes.raw & l2_offset_mask) != offset) {
    report_.corruption_fixed("Repairing offset=" + bare_hex(offset) +
                             ": Preallocated cluster is not properly " +
                             (is_aligned(offset, header_.cluster_size()) ? "placed" : "aligned") +
                             "; L2 entry corrupted.");
  }
}

void L2Checker::check_compressed(const L2Entry& entry, uint64_t index) {
  const CompressedPlace place = compressed_place(entry, header_.cluster_bits);
  if ((entry.raw & copied_flag) != 0) {
    report_.corruption("ERROR: coffset=" + hex(place.offset) +
                       ": copied flag must never be set for compressed clusters");
  }
  const auto whole_entry = hex(entry.raw & ~copied_flag);
  if (header_.has_data_file()) {
    report_.corruption("ERROR compressed cluster " + std::to_string(index) +
                       " with data file, entry=" + whole_entry);
    return;
  }
  if (entry.bitmap != 0) {
    report_.corruption("ERROR compressed cluster " + std::to_string(index) +
                       " with non-zero subcluster allocation bitmap, entry=" + whole_entry);
    return;
  }
  regions_.count(place.offset, place.length);
  if (!active_) return;
  CheckResult& result = report_.result();
  ++result.allocated_clusters;
  ++result.compressed_clusters;
  // Compressed clusters are fragmented by nature.
  ++result.fragmented_clusters;
}

void L2Checker::check_plain(const L2Entry& entry, bool reads_zero) {
  const uint64_t offset = entry.raw & l2_offset_mask;
  if ((entry.allocated_subclusters() & entry.zero_subclusters()) != 0) {
    report_.corruption("ERROR offset=" + bare_hex(offset) +
                       ": Allocated cluster has corrupted subcluster allocation bitmap");
  }
  if (!is_aligned(offset, header_.cluster_size())) {
    report_.corruption("ERROR offset=" + bare_hex(offset) + ": " +
                       (reads_zero ? "Preallocated" : "Data") +
                       " cluster is not properly aligned; L2 entry corrupted.");
  }
  follow(offset, 1);
  if (active_ && (entry.raw & copied_flag) == 0) all_copied_ = false;
  if (!header_.has_data_file()) regions_.count(offset, header_.cluster_size());
}

void L2Checker::follow(uint64_t offset, uint64_t clusters) {
  if (!active_) return;
  CheckResult& result = report_.result();
  result.allocated_clusters += clusters;
  if (next_ != 0 && offset != next_) ++result.fragmented_clusters;
  next_ = offset + clusters * header_.cluster_size();
}

}  // namespace oxbow::format::qcow2
