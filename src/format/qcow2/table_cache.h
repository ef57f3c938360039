// A bounded write-back cache of metadata tables, in slices of a fixed size. Knows
// nothing of what the entries mean; its owner says what must reach the disk before a
// dirty slice may (the barrier), so that ordering has one place.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "async/sync.h"
#include "base/block_pool.h"
#include "format/qcow2/gate.h"

namespace oxbow::format::qcow2 {

class TableCache;

/// The usual size of a slice, in bytes, where clusters are not smaller.
inline constexpr uint32_t usual_slice = 4096;

/// One cached slice: bytes of the file at `offset`, in disk byte order.
struct Slice {
  uint64_t offset = 0;
  BlockPool::Block bytes;
  bool dirty = false;
  unsigned pins = 0;
  std::list<Slice*>::iterator lru;
  std::vector<Slice*>* dirty_list = nullptr;  ///< the cache's
};

/// Keeps a slice in memory as long as it lives.
class SliceRef {
 public:
  SliceRef() = default;
  explicit SliceRef(Slice& slice) : slice_(&slice) { ++slice.pins; }
  SliceRef(SliceRef&& other) noexcept : slice_(std::exchange(other.slice_, nullptr)) {}
  SliceRef& operator=(SliceRef&& other) noexcept {
    std::swap(slice_, other.slice_);
    return *this;
  }
  ~SliceRef() {
    if (slice_ != nullptr) --slice_->pins;
  }
  explicit operator bool() const { return slice_ != nullptr; }
  [[nodiscard]] const std::byte* data() const { return slice_->bytes.get(); }
  /// For changing entries; the change reaches the disk at the next write-back.
  [[nodiscard]] std::byte* modify() const {
    if (!slice_->dirty) slice_->dirty_list->push_back(slice_);
    slice_->dirty = true;
    return slice_->bytes.get();
  }

 private:
  Slice* slice_ = nullptr;
};

/// What must be durable before dirty slices may be written.
class WriteBarrier {
 public:
  virtual ~WriteBarrier() = default;
  virtual Task<> before_write_back() = 0;
};

class TableCache {
 public:
  /// `slice_size`: bytes, a power of two; `max_bytes`: kept below by eviction, except that
  /// pinned slices always stay.
  TableCache(Gate& gate, Writes kind, uint32_t slice_size, uint64_t max_bytes,
             WriteBarrier& barrier);

  [[nodiscard]] uint32_t slice_size() const { return slice_size_; }

  /// The slice at `offset` (aligned to slice_size) where it is in memory, else empty.
  [[nodiscard]] SliceRef find(uint64_t offset);
  /// Its bytes for a glance, which does not count as a use; nullptr where it is not in memory.
  [[nodiscard]] const std::byte* peek(uint64_t offset) const {
    const Slice* slice = in_memory(offset);
    return slice == nullptr ? nullptr : slice->bytes.get();
  }
  /// The same, read from the file where it must be. Whoever goes through a table, which ends at
  /// `table_end`, gets the slices that follow with the same read.
  Task<SliceRef> get(uint64_t offset, uint64_t table_end);

  [[nodiscard]] bool dirty() const { return !dirty_.empty(); }
  /// Writes every slice that was dirty at the call. Entries changed meanwhile stay dirty
  /// for the next time: what is written was complete before the barrier ran.
  /// `barrier_anyway`: the barrier runs even where no slice is dirty.
  Task<> write_back(bool barrier_anyway = false);
  /// Forgets the slices of a table, dirty or not: when it is freed, and again when its place
  /// becomes a new table, since a slice being written back outlives the first call.
  void drop(uint64_t offset, uint64_t length);
  /// Forgets everything; nothing may be dirty or held.
  void drop_all();

 private:
  struct Copy;
  class Loading;
  Result<std::vector<Copy>> copy_dirty();
  Task<> write_copies(std::vector<Copy>& copies);
  [[nodiscard]] Slice*& recent(uint64_t offset) const {
    return recent_[(offset >> slice_bits_) % recent_.size()];
  }
  [[nodiscard]] Slice* in_memory(uint64_t offset) const {
    Slice*& slot = recent(offset);
    if (slot != nullptr && slot->offset == offset) return slot;
    const auto found = slices_.find(offset);
    return found == slices_.end() ? nullptr : (slot = found->second.get());
  }
  void erase(Slice& slice);
  [[nodiscard]] size_t slices_to_load(uint64_t offset, uint64_t table_end) const;
  Task<SliceRef> load(uint64_t offset, uint64_t table_end);
  Task<SliceRef> read_slices(uint64_t offset, size_t count);
  void insert(uint64_t offset, BlockPool::Block bytes);
  Task<> make_room(size_t count);
  bool evict_one_clean();
  void touch(Slice& slice);

  Gate& gate_;
  Writes kind_;
  uint32_t slice_size_;
  unsigned slice_bits_;
  size_t max_slices_;
  WriteBarrier& barrier_;
  BlockPool memory_;
  std::unordered_map<uint64_t, std::unique_ptr<Slice>> slices_;
  std::list<Slice*> lru_;  // most recently used first
  std::vector<Slice*> dirty_;
  Slice* last_ = nullptr;
  mutable std::array<Slice*, 16> recent_{};  // a short way to slices_, by offset
  async::Mutex writing_;
  std::unordered_map<uint64_t, std::shared_ptr<async::Event>> loading_;
};

}  // namespace oxbow::format::qcow2
