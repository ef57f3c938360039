#include "format/qcow2/repair_counts.h"

namespace oxbow::format::qcow2 {

Task<> CountWriter::write(uint64_t block, uint64_t first, std::span<const std::byte> counts) {
  if (changes_.empty()) co_return {};
  std::vector<std::byte> changed(counts.begin(), counts.end());
  for (const Change& change : changes_) {
    store_refcount(changed.data(), change.cluster - first, header_.refcount_order, change.count);
    if (change.count != 0) continue;
    if (!freed_.empty() && freed_.back().first + freed_.back().count == change.cluster) {
      ++freed_.back().count;
    } else {
      freed_.push_back({change.cluster, 1});
    }
  }
  changes_.clear();
  const iovec from = io_slice(std::span<const std::byte>(changed));
  co_return co_await gate_.write(Writes::refcount_block, block, IoSpan(&from, 1));
}

Task<> CountWriter::discard_freed() {
  for (const Run& run : freed_) {
    const uint64_t begin = run.first << header_.cluster_bits;
    const uint64_t end =
        std::min((run.first + run.count) << header_.cluster_bits, gate_.file().size());
    if (begin < end) (void)co_await gate_.discard(begin, end - begin);
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
