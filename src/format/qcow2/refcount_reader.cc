#include "format/qcow2/refcount_reader.h"

#include <algorithm>

#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t slice_bytes = 4096;
constexpr size_t max_slices = 512;

}  // namespace

Task<> RefcountReader::load() {
  const uint64_t claimed = uint64_t{header_.refcount_table_clusters} << header_.cluster_bits;
  const uint64_t offset = header_.refcount_table_offset;
  const uint64_t there = file_.size() > offset ? file_.size() - offset : 0;
  table_.resize(std::min(claimed, align_up(there, 8)) / 8);
  if (table_.empty()) co_return {};
  co_return co_await read_entries(file_, offset, table_);
}

Task<uint64_t> RefcountReader::get(uint64_t cluster) {
  if (const std::optional<uint64_t> near = find(cluster)) co_return *near;
  const uint64_t per_block = header_.refcount_block_entries();
  const uint64_t region = cluster / per_block;
  if (block(region) == 0) co_return 0;
  if (!readable(region)) co_return fail(ErrorKind::corrupt, "Input/output error", EIO);
  const uint64_t slice_size = std::min<uint64_t>(slice_bytes, header_.cluster_size());
  const uint64_t per_slice = (slice_size * 8) >> header_.refcount_order;
  const uint64_t index = cluster % per_block;
  last_count_ = 0;
  CO_TRY_ASSIGN(last_, co_await slice(block(region) + index / per_slice * slice_size));
  last_first_ = cluster - index % per_slice;
  last_count_ = per_slice;
  co_return load_refcount(last_, index % per_slice, header_.refcount_order);
}

Task<const std::byte*> RefcountReader::slice(uint64_t offset) {
  if (const auto found = slices_.find(offset); found != slices_.end()) {
    co_return found->second.data();
  }
  if (oldest_first_.size() == max_slices) {
    slices_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  CO_TRY_ASSIGN(Buffer bytes,
                Buffer::allocate(std::min<uint64_t>(slice_bytes, header_.cluster_size())));
  CO_TRY(co_await read_bytes(file_, offset, bytes.span()));
  oldest_first_.push_back(offset);
  const auto added = slices_.insert_or_assign(offset, std::move(bytes)).first;
  co_return added->second.data();
}

}  // namespace oxbow::format::qcow2
