// The VM state: bytes kept behind the disk, in clusters from the first L1 entry on that the disk
// does not need. They belong to the active tree, so a snapshot takes them along with its L1 table;
// disk reads, bitmaps and the backing file know nothing of them.
#include <algorithm>

#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

// L1 entries of the disk itself.
uint64_t Qcow2Image::disk_tables(uint64_t disk_bytes) const {
  return div_round_up(disk_bytes, header_.l2_entries() << header_.cluster_bits);
}

bool Qcow2Image::has_vm_state() const {
  const std::span<const uint64_t> l1 = map_.l1_entries();
  const auto behind = std::min<uint64_t>(disk_tables(header_.size), l1.size());
  return std::ranges::any_of(l1.subspan(behind), [](uint64_t entry) { return entry != 0; });
}

Task<uint64_t> Qcow2Image::vm_state_place(uint64_t offset, uint64_t length, bool for_writing) {
  const uint64_t bytes_per_table = header_.l2_entries() << header_.cluster_bits;
  const uint64_t begin = disk_tables(header_.size) * bytes_per_table;
  if (begin > INT64_MAX || offset > INT64_MAX - begin || length > INT64_MAX - begin - offset) {
    co_return fail(ErrorKind::invalid_argument,
                   "the VM state would end beyond what offsets can say", EIO);
  }
  if (!for_writing) co_return begin + offset;
  CO_TRY(writable());
  const uint64_t entries = div_round_up(begin + offset + length, bytes_per_table);
  if (entries > max_l1_bytes / 8) {
    co_return fail(ErrorKind::invalid_argument, "the VM state would be too large", EFBIG);
  }
  if (entries > header_.l1_size) {
    CO_TRY_ASSIGN(const auto still, co_await stand_still());
    // With room for more of what is mostly written from its beginning to its end.
    const uint64_t roomy = std::min(uint64_t{header_.l1_size} * 3 / 2, max_l1_bytes / 8);
    if (entries > header_.l1_size) CO_TRY(co_await map_.grow_l1(std::max(entries, roomy)));
  }
  co_return begin + offset;
}

// The AES method numbers sectors by their place, of the VM state, too: elsewhere it reads as noise.
Result<void> Qcow2Image::vm_state_may_follow(uint64_t virtual_size) const {
  // Its bytes lie where the longer disk's would, or where the data file is going to end.
  if (data_.elsewhere() && has_vm_state()) {
    return fail(ErrorKind::unsupported, "The data file holds a VM state behind the disk", ENOTSUP);
  }
  const bool moves = disk_tables(virtual_size) != disk_tables(header_.size) && has_vm_state();
  if (!moves || header_.crypt_method != crypt_aes) return {};
  return fail(ErrorKind::unsupported,
              "Can't move the VM state of an image with AES encryption behind another disk size",
              ENOTSUP);
}

// The disk's size changes and with it the first L1 entry behind the disk: a VM state's entries move
// there, and tables that the disk loses go. One header write switches both, so that no byte of the
// state is ever the disk's, nor a byte of the disk the state's.
Task<> Qcow2Image::change_tables(uint64_t virtual_size) {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  const std::span<const uint64_t> old = map_.l1_entries();
  const auto disk_end =
      old.begin() + static_cast<ptrdiff_t>(std::min(disk_tables(header_.size), old.size()));
  std::vector<uint64_t> l1(old.begin(), disk_end);
  const uint64_t kept = std::min(disk_tables(virtual_size), l1.size());
  const std::vector<uint64_t> lost(l1.begin() + static_cast<ptrdiff_t>(kept), l1.end());
  l1.resize(disk_tables(virtual_size));
  l1.insert(l1.end(), disk_end, old.end());
  while (l1.size() > disk_tables(virtual_size) && l1.back() == 0) l1.pop_back();
  if (l1.empty()) l1.resize(1);
  if (l1.size() > max_l1_bytes / 8) {
    co_return fail(ErrorKind::invalid_argument, "The image size is too large", EFBIG);
  }
  CO_TRY_ASSIGN(const uint64_t offset, co_await write_new_l1(Writes::active_l1, l1));
  CO_TRY(co_await refcounts_.write_back());
  CO_TRY(co_await gate_.barrier());
  CO_TRY(co_await map_.adopt_l1(offset, std::move(l1), virtual_size));
  unpacked_.clear();
  for (const uint64_t entry : lost) {
    const uint64_t table = entry & l1_offset_mask;
    if (table != 0) refcounts_.release(Writes::active_l2, table, 1);
  }
  co_return co_await settle();
}

}  // namespace oxbow::format::qcow2
