#include "format/qcow2/metadata_index.h"

#include <cstring>

namespace oxbow::format::qcow2 {
namespace {

// What the allocator adds to each piece.
constexpr size_t allocator_share = 8;

}  // namespace

MetadataIndex::MetadataIndex(uint64_t limit_bytes, OnLost on_lost)
    : limit_(limit_bytes), on_lost_(std::move(on_lost)) {}

MetadataIndex::~MetadataIndex() {
  for (Chunk& chunk : chunks_) free_chunk(chunk);
}

void* MetadataIndex::take(size_t bytes) {
  if (bytes_ + bytes + allocator_share > limit_) return nullptr;
  void* memory = std::malloc(bytes);
  if (memory != nullptr) bytes_ += bytes + allocator_share;
  return memory;
}

void MetadataIndex::give_back(void* memory, size_t bytes) {
  std::free(memory);
  bytes_ -= bytes + allocator_share;
}

void MetadataIndex::free_chunk(Chunk& chunk) {
  if (chunk.empty() || chunk.lost()) return;
  if (Few* few = chunk.few()) {
    give_back(few, few_bytes(few->capacity));
  } else {
    give_back(chunk.many(), sizeof(Many));
  }
  chunk = {};
}

uint8_t MetadataIndex::code_for(ClassMask classes) {
  const auto known = std::ranges::find(codes_, classes);
  if (known != codes_.end()) return static_cast<uint8_t>(known - codes_.begin());
  if (codes_.size() == code_of_every) codes_.push_back(every_class);
  if (codes_.size() > code_of_every) return code_of_every;
  codes_.push_back(classes);
  return static_cast<uint8_t>(codes_.size() - 1);
}

// The directory reaches the chunk; false where the limit is against it.
bool MetadataIndex::ensure_chunk(uint64_t index) {
  if (index >= lost_from_) return false;
  if (index < chunks_.size()) return !chunks_[index].lost();
  // A little ahead, so that a growing image does not copy the directory at every step.
  const uint64_t size = index + 1 + index / 8;
  const uint64_t more = (size - chunks_.capacity()) * sizeof(Chunk);
  if (size > chunks_.capacity()) {
    if (bytes_ + more > limit_ || size > chunks_.max_size()) {
      lost_from_ = chunks_.size();
      lost_any_ = true;
      if (on_lost_) on_lost_(lost_from_ << chunk_bits, 0);
      return false;
    }
    chunks_.reserve(size);
    bytes_ += more;
  }
  chunks_.resize(index + 1);
  return true;
}

void MetadataIndex::lose(uint64_t index) {
  free_chunk(chunks_[index]);
  chunks_[index].set_lost();
  lost_any_ = true;
  if (on_lost_) on_lost_(index << chunk_bits, chunk_clusters);
}

// Room for one more entry in a chunk of few; it may have become one of many.
bool MetadataIndex::make_room(uint64_t index) {
  Few* few = chunks_[index].few();
  const uint32_t count = few != nullptr ? few->count : 0;
  if (few != nullptr && count < few->capacity) return true;
  if (count >= most_few) {
    auto* many = static_cast<Many*>(take(sizeof(Many)));
    if (many == nullptr) return false;
    many->count = count;
    std::memset(many->codes, 0, sizeof many->codes);
    for (uint32_t i = 0; i < count; ++i) many->codes[few->positions[i]] = few->codes()[i];
    give_back(few, few_bytes(few->capacity));
    chunks_[index].set(many);
    return true;
  }
  const uint32_t capacity = std::min(count + 4 + count / 8, most_few);
  auto* larger = static_cast<Few*>(take(few_bytes(capacity)));
  if (larger == nullptr) return false;
  larger->count = static_cast<uint16_t>(count);
  larger->capacity = static_cast<uint16_t>(capacity);
  if (few != nullptr) {
    std::memcpy(larger->positions, few->positions, count * sizeof(uint16_t));
    std::memcpy(larger->codes(), few->codes(), count);
    give_back(few, few_bytes(few->capacity));
  }
  chunks_[index].set(larger);
  return true;
}

bool MetadataIndex::insert(uint64_t index, uint16_t position, uint8_t code) {
  if (!make_room(index)) return false;
  Few* few = chunks_[index].few();
  if (few == nullptr) {
    Many* many = chunks_[index].many();
    many->codes[position] = code;
    ++many->count;
    return true;
  }
  const uint32_t place = lower_bound(few->positions, few->count, position);
  const uint32_t behind = few->count - place;
  std::memmove(few->positions + place + 1, few->positions + place, behind * sizeof(uint16_t));
  std::memmove(few->codes() + place + 1, few->codes() + place, behind);
  few->positions[place] = position;
  few->codes()[place] = code;
  ++few->count;
  return true;
}

void MetadataIndex::erase(uint64_t index, uint32_t place) {
  Few* few = chunks_[index].few();
  const uint32_t behind = few->count - place - 1;
  std::memmove(few->positions + place, few->positions + place + 1, behind * sizeof(uint16_t));
  std::memmove(few->codes() + place, few->codes() + place + 1, behind);
  if (--few->count == 0) free_chunk(chunks_[index]);
}

// Far below the size at which it became the smaller form, so that it does not swing.
void MetadataIndex::shrink_many(uint64_t index) {
  Many* many = chunks_[index].many();
  if (many->count > most_few / 2) return;
  auto* few = static_cast<Few*>(std::malloc(few_bytes(many->count + 4)));
  if (few == nullptr) return;  // the larger form is as right
  bytes_ += few_bytes(many->count + 4) + allocator_share;
  few->count = 0;
  few->capacity = static_cast<uint16_t>(many->count + 4);
  for (uint32_t i = 0; i < chunk_clusters; ++i) {
    if (many->codes[i] == 0) continue;
    few->positions[few->count] = static_cast<uint16_t>(i);
    few->codes()[few->count++] = many->codes[i];
  }
  give_back(many, sizeof(Many));
  chunks_[index].set(few);
}

// The chunk is there and not lost. Losing it is all that can go wrong.
void MetadataIndex::set_code(uint64_t cluster, ClassMask classes) {
  const uint64_t index = cluster >> chunk_bits;
  const auto position = static_cast<uint16_t>(cluster);
  Chunk& chunk = chunks_[index];
  const uint8_t code = code_for(classes);
  if (Few* few = chunk.few()) {
    const uint32_t place = lower_bound(few->positions, few->count, position);
    if (place < few->count && few->positions[place] == position) {
      if (code == 0) return erase(index, place);
      few->codes()[place] = code;
      return;
    }
  } else if (!chunk.empty()) {
    uint8_t& old = chunk.many()->codes[position];
    chunk.many()->count += (code != 0 ? 1 : 0) - (old != 0 ? 1 : 0);
    old = code;
    return shrink_many(index);
  }
  if (code != 0 && !insert(index, position, code)) lose(index);
}

void MetadataIndex::enter(uint64_t first, uint64_t count, ClassMask classes) {
  for (uint64_t cluster = first; cluster < first + count; ++cluster) {
    if (!ensure_chunk(cluster >> chunk_bits)) {
      cluster |= chunk_clusters - 1;
      continue;
    }
    set_code(cluster, classes_of(cluster) | classes);
  }
}

void MetadataIndex::leave(uint64_t first, uint64_t count, ClassMask classes) {
  for (uint64_t cluster = first; cluster < first + count; ++cluster) {
    const uint64_t index = cluster >> chunk_bits;
    if (index >= chunks_.size()) return;
    if (chunks_[index].empty() || chunks_[index].lost()) {
      cluster |= chunk_clusters - 1;
      continue;
    }
    const ClassMask old = classes_of(cluster);
    if ((old & classes) != 0) set_code(cluster, old & ~classes);
  }
}

ClassMask MetadataIndex::classes_of(uint64_t cluster) const {
  const Found found = find(cluster, cluster, every_class);
  return found.what == Found::What::metadata ? found.classes : 0;
}

MetadataIndex::Found MetadataIndex::search_chunk(uint64_t index, uint32_t from, uint32_t to,
                                                 ClassMask wanted) const {
  const uint64_t base = index << chunk_bits;
  const Chunk& chunk = chunks_[index];
  if (chunk.lost()) return {Found::What::unknown, base + from, 0};
  if (Few* few = chunk.few()) {
    uint32_t place = lower_bound(few->positions, few->count, static_cast<uint16_t>(from));
    for (; place < few->count && few->positions[place] <= to; ++place) {
      const ClassMask classes = codes_[few->codes()[place]];
      if ((classes & wanted) == 0) continue;
      return {Found::What::metadata, base + few->positions[place], classes};
    }
    return {};
  }
  const Many* many = chunk.many();
  for (uint32_t at = from; at <= to; ++at) {
    const ClassMask classes = codes_[many->codes[at]];
    if ((classes & wanted) != 0) return {Found::What::metadata, base + at, classes};
  }
  return {};
}

MetadataIndex::Found MetadataIndex::find(uint64_t first, uint64_t last, ClassMask wanted) const {
  for (uint64_t index = first >> chunk_bits; index <= last >> chunk_bits; ++index) {
    const uint64_t base = index << chunk_bits;
    const uint64_t from = std::max(first, base);
    if (index >= chunks_.size()) {
      if (last >> chunk_bits < lost_from_) return {};
      return {Found::What::unknown, std::max(first, lost_from_ << chunk_bits), 0};
    }
    if (chunks_[index].empty()) continue;
    const uint64_t to = std::min(last, base + chunk_clusters - 1);
    const Found found = search_chunk(index, static_cast<uint32_t>(from - base),
                                     static_cast<uint32_t>(to - base), wanted);
    if (found.what != Found::What::nothing) return found;
  }
  return {};
}

}  // namespace oxbow::format::qcow2
