// Writing compressed clusters: packed one behind the other, several to a host cluster, each
// counting a reference of every host cluster that it touches.
#include <algorithm>

#include "codec/deflate.h"
#include "codec/zstd.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

uint32_t Qcow2Image::compressed_unit() const {
  return header_.has_data_file() || header_.crypt_method != crypt_none ? 0 : header_.cluster_size();
}

Result<size_t> Qcow2Image::compress(std::span<const std::byte> plain, std::span<std::byte> packed,
                                    int level) const {
  std::vector<std::byte> filled_up;
  if (plain.size() < header_.cluster_size()) {
    filled_up.resize(header_.cluster_size());
    std::ranges::copy(plain, filled_up.begin());
    plain = filled_up;
  }
  // What is not smaller than a cluster is no gain; deflate's last 8 bytes are scratch.
  const size_t most = header_.cluster_size() - 1;
  if (header_.compression_type == compression_zstd) {
    return codec::zstd_compress(plain, packed.first(most),
                                level != 0 ? level : codec::zstd_default_level);
  }
  return codec::deflate(plain, packed.first(most + 8),
                        level != 0 ? level : codec::deflate_default_level);
}

Task<WritePlan> Qcow2Image::prepare_compressed(uint64_t offset, uint64_t length, uint64_t packed) {
  CO_TRY(writable());
  const uint64_t cluster_size = header_.cluster_size();
  const bool to_the_end = offset + length == header_.size && length < cluster_size;
  if (!is_aligned(offset, cluster_size) || (length != cluster_size && !to_the_end)) {
    co_return fail(ErrorKind::invalid_argument, "compressed clusters are written whole", EINVAL);
  }
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = length;
  plan.packed = packed;
  plan.in_place = false;
  CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(offset, cluster_size, true));
  const Result<uint64_t> place = co_await place_packed(cluster_of(offset), packed);
  if (!place) {
    CO_TRY(co_await tell_damage(place.error()));
    co_return std::unexpected(place.error());
  }
  plan.host_offset = *place;
  plan.in_flight = data_.hold(*place, packed);
  if (compressed_entry(*place, packed, header_.cluster_bits) == 0) {
    CO_TRY(co_await abort_compressed(plan));
    co_return fail(ErrorKind::no_space, "the image file is too large for compressed clusters",
                   EFBIG);
  }
  co_return plan;
}

// With the guest range held exclusively.
Task<uint64_t> Qcow2Image::place_packed(uint64_t cluster, uint64_t packed) {
  CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up_for_change(cluster));
  const L2Entry entry = view.entry(0);
  if (const Result<void> sound = check_entry(entry, cluster); !sound) {
    CO_TRY(co_await gate_.refuse(damage_met_by_write(entry, cluster, sound.error()), 0, 0));
  }
  if (is_compressed(entry) || has_cluster(entry)) {
    co_return fail(ErrorKind::exists, "a compressed cluster replaces nothing", EIO);
  }
  gate_.file().event("cluster_alloc_bytes");
  co_return co_await refcounts_.allocate_bytes(packed);
}

Task<> Qcow2Image::write_compressed(uint64_t host_offset, IoSpan from) {
  gate_.file().event("write_compressed");
  return gate_.write_beside(host_offset, from);
}

Task<> Qcow2Image::commit_compressed(WritePlan& plan) {
  gate_.file().event("l2_update");
  const Result<EntryView> view = co_await map_.look_up(cluster_of(plan.guest_offset));
  if (!view) {
    CO_TRY(co_await abort_compressed(plan));
    co_return std::unexpected(view.error());
  }
  const uint64_t entry = compressed_entry(plan.host_offset, plan.packed, header_.cluster_bits);
  view->set(0, {entry, 0});
  unpacked_.drop(entry);  // what was unpacked from this place before is not in it any more
  let_go(plan);
  co_return {};
}

// Never linked: what it counted may go at once, in memory and on disk.
Task<> Qcow2Image::abort_compressed(WritePlan& plan) {
  const uint64_t first = cluster_of(plan.host_offset);
  const uint64_t last = cluster_of(plan.host_offset + plan.packed - 1);
  let_go(plan);
  const std::vector<Release> unused{{Writes::data, first, last - first + 1}};
  co_return co_await refcounts_.apply(unused);
}

}  // namespace oxbow::format::qcow2
