// Reading the map: which runs of guest bytes are stored alike, and where.
#include <algorithm>

#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

Result<void> Qcow2Image::check_entry(const L2Entry& entry, uint64_t cluster) const {
  if (is_compressed(entry)) {
    if (!header_.has_data_file()) return {};
    return fail(ErrorKind::corrupt,
                "Compressed cluster entry found in image with external data file (" +
                    map_.name_entry(cluster) + ")",
                EIO);
  }
  if (header_.version < 3 && (entry.raw & l2_zero_flag) != 0) [[unlikely]] {
    return fail(ErrorKind::corrupt,
                "Zero cluster entry found in pre-v3 image (" + map_.name_entry(cluster) + ")", EIO);
  }
  const uint64_t host = host_cluster(entry);
  if (!is_aligned(host, header_.cluster_size())) [[unlikely]] {
    return fail(
        ErrorKind::corrupt,
        "Cluster allocation offset " + hex(host) + " unaligned (" + map_.name_entry(cluster) + ")",
        EIO);
  }
  // There every cluster lies at the guest's own offset, so that no two entries share a place.
  const uint64_t guest = cluster << header_.cluster_bits;
  if (header_.has_data_file() && has_cluster(entry) && host != guest) [[unlikely]] {
    return fail(ErrorKind::corrupt,
                "External data file host cluster offset " + hex_or_zero(host) +
                    " does not match guest cluster offset: " + hex_or_zero(guest) +
                    ", L2 index: " + hex_or_zero(cluster % header_.l2_entries()) + ")",
                EIO);
  }
  if (header_.extended_l2() && (entry.bitmap & (entry.bitmap >> 32) & 0xffffffff) != 0)
      [[unlikely]] {
    return fail(ErrorKind::corrupt,
                "Invalid cluster entry found  (" + map_.name_entry(cluster) + ")", EIO);
  }
  return {};
}

Result<Run> Qcow2Image::run_at(const EntryView& view, uint64_t offset, uint64_t length) const {
  const uint64_t first = cluster_of(offset);
  if (!view.exists()) {
    const uint64_t end = (first + map_.clusters_without_table(first)) << header_.cluster_bits;
    return Run{.length = std::min(length, end - offset)};
  }
  uint32_t unit = static_cast<uint32_t>(offset % header_.cluster_size() / unit_size_);
  const uint32_t units = header_.cluster_size() / unit_size_;
  const uint64_t within = offset % unit_size_;

  L2Entry entry = view.entry(0);
  TRY(check_entry(entry, first));
  const Unit start = unit_of(entry, unit, unit_size_, header_.extended_l2());
  uint64_t covered = unit_size_ - within;
  uint32_t i = 0;
  if (!header_.extended_l2() && start.kind != RunKind::compressed) {
    // Nearly all of most tables.
    i = view.alike(start.has_host ? header_.cluster_size() : 0, length >> header_.cluster_bits);
    covered += uint64_t{i} * unit_size_;
  }
  while (covered < length) {
    if (++unit == units) {
      unit = 0;
      if (++i == view.count() || start.kind == RunKind::compressed) break;
      entry = view.entry(i);
      if (!check_entry(entry, first + i)) break;  // told when somebody asks for it
    }
    if (!continues(start, unit_of(entry, unit, unit_size_, header_.extended_l2()),
                   covered + within)) {
      break;
    }
    covered += unit_size_;
  }
  Run run;
  run.length = std::min(covered, length);
  run.kind = start.kind;
  run.has_host_offset = start.has_host && !encryption_;
  run.host_offset = start.host + within;
  if (data_.elsewhere()) run.file = &data_.file();
  return run;
}

Task<Run> Qcow2Image::map(uint64_t offset, uint64_t length) {
  const uint64_t cluster = cluster_of(offset);
  Result<Run> run;
  if (std::optional<EntryView> view = map_.find(cluster)) {
    run = run_at(*view, offset, length);
  } else {
    Result<EntryView> loaded = co_await map_.look_up(cluster);
    run = loaded ? run_at(*loaded, offset, length) : std::unexpected(std::move(loaded).error());
  }
  if (!run) [[unlikely]]
    CO_TRY(co_await tell_damage(run.error()));
  co_return run;
}

// Damage that is met while the image is open for writing is marked in it.
Task<> Qcow2Image::tell_damage(Error error) {
  if (options_.writable && !gate_.corrupt() && error.kind() == ErrorKind::corrupt) {
    co_return co_await gate_.refuse(error.message(), 0, 0);
  }
  co_return {};
}

// The stock tools' rule: clearly more clusters are counted than the file occupies.
Task<bool> Qcow2Image::data_may_be_holes() {
  if (preallocated_) co_return *preallocated_;
  preallocated_ = false;
  const Result<uint64_t> occupied = gate_.file().allocated_bytes();
  if (!occupied) co_return false;
  const uint64_t real = *occupied / header_.cluster_size();
  const uint64_t wanted = std::max(real * 10 / 9, real + 2);
  const uint64_t clusters = div_round_up(gate_.file().size(), header_.cluster_size());
  Result<void> loaded;
  if (!options_.writable) loaded = co_await refcounts_.load();
  if (!loaded) co_return false;
  const Result<bool> counted = co_await refcounts_.counts_at_least(wanted, clusters);
  // Damaged refcounts are no reason not to read.
  if (!counted && counted.error().kind() == ErrorKind::corrupt) {
    if (options_.writable) {
      (void)co_await tell_damage(counted.error());
    } else {
      tell_corruption({.message = counted.error().message(), .fatal = false});
    }
  }
  preallocated_ = counted.value_or(false);
  co_return *preallocated_;
}

}  // namespace oxbow::format::qcow2
