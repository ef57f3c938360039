#include "format/qcow2/table_cache.h"

#include <algorithm>
#include <bit>

namespace oxbow::format::qcow2 {

// The bytes of a slice as they were when the write-back began. The slice stays pinned,
// and so in memory, until they are on their way: nobody reads the old bytes from the file.
struct TableCache::Copy {
  Slice* slice;
  SliceRef pin;
  BlockPool::Block bytes;
};

TableCache::TableCache(Gate& gate, Writes kind, uint32_t slice_size, uint64_t max_bytes,
                       WriteBarrier& barrier)
    : gate_(gate),
      kind_(kind),
      slice_size_(slice_size),
      slice_bits_(static_cast<unsigned>(std::countr_zero(slice_size))),
      max_slices_(std::max<uint64_t>(max_bytes / slice_size, 2)),
      barrier_(barrier),
      memory_(slice_size) {}

void TableCache::touch(Slice& slice) {
  if (last_ == &slice) return;
  lru_.splice(lru_.begin(), lru_, slice.lru);
  last_ = &slice;
}

SliceRef TableCache::find(uint64_t offset) {
  Slice* slice = in_memory(offset);
  if (slice == nullptr) return {};
  touch(*slice);
  return SliceRef(*slice);
}

// Slices on their way into memory: others that want them wait instead of loading them twice.
class TableCache::Loading {
 public:
  Loading(TableCache& cache, uint64_t offset, size_t count)
      : cache_(cache), offset_(offset), count_(count), done_(std::make_shared<async::Event>()) {
    for (size_t i = 0; i < count_; ++i) cache_.loading_.emplace(place(i), done_);
  }
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;
  ~Loading() {
    for (size_t i = 0; i < count_; ++i) cache_.loading_.erase(place(i));
    done_->set();
  }

 private:
  [[nodiscard]] uint64_t place(size_t i) const { return offset_ + i * cache_.slice_size_; }

  TableCache& cache_;
  uint64_t offset_;
  size_t count_;
  std::shared_ptr<async::Event> done_;
};

Task<SliceRef> TableCache::get(uint64_t offset, uint64_t table_end) {
  for (;;) {
    if (SliceRef found = find(offset)) co_return found;
    const auto loading = loading_.find(offset);
    if (loading == loading_.end()) break;
    const std::shared_ptr<async::Event> done = loading->second;
    CO_TRY(co_await done->wait());
  }
  co_return co_await load(offset, table_end);
}

// One, or, after the slice before it, the rest of the table as far as it is not in memory.
size_t TableCache::slices_to_load(uint64_t offset, uint64_t table_end) const {
  if (last_ == nullptr || last_->offset + slice_size_ != offset) return 1;
  const uint64_t most = std::min<uint64_t>((table_end - offset) / slice_size_, max_slices_ - 1);
  size_t count = 1;
  for (uint64_t next = offset + slice_size_; count < most; next += slice_size_) {
    if (in_memory(next) != nullptr || loading_.contains(next)) break;
    ++count;
  }
  return count;
}

Task<SliceRef> TableCache::load(uint64_t offset, uint64_t table_end) {
  const size_t count = slices_to_load(offset, table_end);
  const Loading loading(*this, offset, count);
  Result<SliceRef> slice = co_await read_slices(offset, count);
  // Another one than what is asked for may be what cannot be read.
  if (!slice && count > 1) slice = co_await read_slices(offset, 1);
  co_return slice;
}

Task<SliceRef> TableCache::read_slices(uint64_t offset, size_t count) {
  CO_TRY(co_await make_room(count));
  std::vector<BlockPool::Block> blocks(count);
  std::vector<iovec> into;
  for (BlockPool::Block& block : blocks) {
    CO_TRY_ASSIGN(block, memory_.take());
    into.push_back(io_slice(std::span(block.get(), slice_size_)));
  }
  if (kind_ == Writes::refcount_block) gate_.file().event("refblock_load");
  CO_TRY(co_await gate_.read(offset, into));
  // The first becomes the one used last.
  for (size_t i = count; i-- > 0;) insert(offset + i * slice_size_, std::move(blocks[i]));
  co_return SliceRef(*last_);
}

void TableCache::insert(uint64_t offset, BlockPool::Block bytes) {
  auto slice = std::make_unique<Slice>();
  slice->offset = offset;
  slice->bytes = std::move(bytes);
  slice->dirty_list = &dirty_;
  lru_.push_front(slice.get());
  slice->lru = lru_.begin();
  last_ = slice.get();
  slices_.emplace(offset, std::move(slice));
}

void TableCache::erase(Slice& slice) {
  if (last_ == &slice) last_ = nullptr;
  if (recent(slice.offset) == &slice) recent(slice.offset) = nullptr;
  if (slice.dirty) std::erase(dirty_, &slice);
  lru_.erase(slice.lru);
  slices_.erase(slice.offset);
}

bool TableCache::evict_one_clean() {
  for (auto it = lru_.rbegin(); it != lru_.rend(); ++it) {
    Slice* slice = *it;
    if (slice->dirty || slice->pins != 0) continue;
    erase(*slice);
    return true;
  }
  return false;
}

Task<> TableCache::make_room(size_t count) {
  for (bool written = false; slices_.size() + count > max_slices_;) {
    if (evict_one_clean()) continue;
    if (written) break;
    // Everything is dirty: writing all of it pays for the barrier once.
    CO_TRY(co_await write_back());
    written = true;
  }
  co_return {};
}

Result<std::vector<TableCache::Copy>> TableCache::copy_dirty() {
  std::vector<Copy> copies;
  for (Slice* slice : dirty_) {
    Copy copy{slice, SliceRef(*slice), {}};
    TRY_ASSIGN(copy.bytes, memory_.take());
    std::memcpy(copy.bytes.get(), slice->bytes.get(), slice_size_);
    copies.push_back(std::move(copy));
  }
  for (Copy& copy : copies) copy.slice->dirty = false;
  dirty_.clear();
  std::ranges::sort(copies, {}, [](const Copy& copy) { return copy.slice->offset; });
  return copies;
}

Task<> TableCache::write_copies(std::vector<Copy>& copies) {
  constexpr size_t max_parts = 256;
  for (size_t begin = 0; begin < copies.size();) {
    std::vector<iovec> parts;
    const uint64_t offset = copies[begin].slice->offset;
    size_t end = begin;
    while (end < copies.size() && parts.size() < max_parts &&
           copies[end].slice->offset == offset + (end - begin) * slice_size_) {
      parts.push_back(io_slice(std::span(copies[end++].bytes.get(), slice_size_)));
    }
    CO_TRY(co_await gate_.write(kind_, offset, parts));
    begin = end;
  }
  co_return {};
}

Task<> TableCache::write_back(bool barrier_anyway) {
  CO_TRY_ASSIGN(auto guard, co_await writing_.lock());
  if (!dirty() && !barrier_anyway) co_return {};
  CO_TRY_ASSIGN(std::vector<Copy> copies, copy_dirty());
  Result<void> done = co_await barrier_.before_write_back();
  if (done) done = co_await write_copies(copies);
  if (!done) {
    for (Copy& copy : copies) (void)copy.pin.modify();
  }
  co_return done;
}

void TableCache::drop_all() {
  last_ = nullptr;
  recent_ = {};
  lru_.clear();
  slices_.clear();
}

void TableCache::drop(uint64_t offset, uint64_t length) {
  for (uint64_t at = offset; at < offset + length; at += slice_size_) {
    const auto found = slices_.find(at);
    if (found == slices_.end()) continue;
    if (found->second->pins == 0) erase(*found->second);
  }
}

}  // namespace oxbow::format::qcow2
