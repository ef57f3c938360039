// Which host clusters hold metadata, and of which classes: a piece of memory for every 65,536
// clusters that have any, 3 bytes a metadata cluster, or a byte a cluster where they are many.
// A lookup is one step to the piece and a binary search in it, whatever the image's size.
// Knows nothing of where the facts come from. docs/overlap-guard.md argues for this shape.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <vector>

#include "format/qcow2/metadata_class.h"

namespace oxbow::format::qcow2 {

/// Clusters are named by number: host offset / cluster size.
class MetadataIndex {
 public:
  static constexpr unsigned chunk_bits = 16;
  static constexpr uint64_t chunk_clusters = uint64_t{1} << chunk_bits;

  /// `on_lost(first, count)`: these clusters were dropped for want of memory; `count` 0 is
  /// everything from `first` on. Told once for each range.
  using OnLost = std::function<void(uint64_t first, uint64_t count)>;
  explicit MetadataIndex(uint64_t limit_bytes, OnLost on_lost = {});
  ~MetadataIndex();
  MetadataIndex(const MetadataIndex&) = delete;
  MetadataIndex& operator=(const MetadataIndex&) = delete;

  /// The most memory to use, in bytes. What is in use stays, also above a lower limit.
  void set_limit(uint64_t bytes) { limit_ = bytes; }
  [[nodiscard]] uint64_t limit() const { return limit_; }
  /// Memory in use, with the allocator's own share.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

  /// The clusters hold metadata of these classes from now on, beside those that they had.
  void enter(uint64_t first, uint64_t count, ClassMask classes);
  /// They no longer do. Clusters without a class cost nothing.
  void leave(uint64_t first, uint64_t count, ClassMask classes);

  struct Found {
    enum class What : uint8_t { nothing, metadata, unknown } what = What::nothing;
    uint64_t cluster = 0;   ///< the first such
    ClassMask classes = 0;  ///< metadata: all of the cluster's
  };
  /// The first cluster of [first, last] with a class of `wanted`, or of which nothing is known.
  [[nodiscard]] Found find(uint64_t first, uint64_t last, ClassMask wanted) const;
  /// True where find() finds nothing and that is quickly said; the common case of a data write.
  [[nodiscard]] bool surely_free(uint64_t cluster) const {
    const uint64_t index = cluster >> chunk_bits;
    if (index >= chunks_.size()) return false;
    if (chunks_[index].empty()) return true;
    const Few* few = chunks_[index].few();
    if (few == nullptr) return false;
    const auto position = static_cast<uint16_t>(cluster);
    const uint32_t place = lower_bound(few->positions, few->count, position);
    return place == few->count || few->positions[place] != position;
  }
  /// Every class of one cluster; 0 where nothing is known.
  [[nodiscard]] ClassMask classes_of(uint64_t cluster) const;
  /// False where clusters were dropped for want of memory.
  [[nodiscard]] bool complete() const { return !lost_any_; }

 private:
  // A chunk's memory: nothing, `few` (sorted positions and their codes), `many` (a code for
  // every cluster), or lost. A code stands for a set of classes, see codes_.
  struct Few {
    uint16_t count;
    uint16_t capacity;
    uint16_t positions[];  // capacity of them, then as many codes of a byte each
    [[nodiscard]] uint8_t* codes() { return reinterpret_cast<uint8_t*>(positions + capacity); }
  };
  struct Many {
    uint32_t count;
    uint8_t codes[chunk_clusters];
  };
  class Chunk {
   public:
    [[nodiscard]] bool empty() const { return word_ == 0; }
    [[nodiscard]] bool lost() const { return word_ == lost_word; }
    // A pointer and two bits in one word. NOLINTBEGIN(performance-no-int-to-ptr)
    [[nodiscard]] Few* few() const {
      return (word_ & 3) == 0 ? reinterpret_cast<Few*>(word_) : nullptr;
    }
    [[nodiscard]] Many* many() const { return reinterpret_cast<Many*>(word_ & ~uintptr_t{3}); }
    // NOLINTEND(performance-no-int-to-ptr)
    void set(Few* few) { word_ = reinterpret_cast<uintptr_t>(few); }
    void set(Many* many) { word_ = reinterpret_cast<uintptr_t>(many) | many_tag; }
    void set_lost() { word_ = lost_word; }

   private:
    static constexpr uintptr_t many_tag = 1;
    static constexpr uintptr_t lost_word = 2;
    uintptr_t word_ = 0;
  };

  // More than this and a byte a cluster is the smaller form.
  static constexpr uint32_t most_few = chunk_clusters / 3;
  // A set that has no code of its own counts as every class: more is protected, never less.
  static constexpr uint8_t code_of_every = 255;

  // The first of `count` sorted positions that is not below `wanted`.
  static uint32_t lower_bound(const uint16_t* positions, uint32_t count, uint16_t wanted) {
    const uint16_t* base = positions;
    while (count > 1) {
      const uint32_t half = count / 2;
      base += base[half - 1] < wanted ? half : 0;
      count -= half;
    }
    return static_cast<uint32_t>(base - positions) + (count == 1 && *base < wanted ? 1 : 0);
  }

  static size_t few_bytes(uint32_t capacity) { return sizeof(Few) + capacity * size_t{3}; }
  [[nodiscard]] Found search_chunk(uint64_t index, uint32_t from, uint32_t to,
                                   ClassMask wanted) const;
  uint8_t code_for(ClassMask classes);
  bool ensure_chunk(uint64_t index);
  void set_code(uint64_t cluster, ClassMask classes);
  bool make_room(uint64_t index);
  bool insert(uint64_t index, uint16_t position, uint8_t code);
  void erase(uint64_t index, uint32_t place);
  void shrink_many(uint64_t index);
  void lose(uint64_t index);
  void* take(size_t bytes);
  void give_back(void* memory, size_t bytes);
  void free_chunk(Chunk& chunk);

  uint64_t limit_;
  OnLost on_lost_;
  uint64_t bytes_ = 0;
  std::vector<Chunk> chunks_;
  uint64_t lost_from_ = UINT64_MAX;  // chunks from here on are lost, for want of a directory
  bool lost_any_ = false;
  std::vector<ClassMask> codes_{0};  // by code; code 0 is no class
};

}  // namespace oxbow::format::qcow2
