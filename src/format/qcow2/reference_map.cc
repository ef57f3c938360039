#include "format/qcow2/reference_map.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t max_bytes = uint64_t{1} << 30;
constexpr uint8_t full_byte = UINT8_MAX;

}  // namespace

Result<ReferenceMap> ReferenceMap::create(uint64_t clusters) {
  if (clusters / 8 > max_bytes) {
    return fail(ErrorKind::out_of_memory,
                "The file is too long to count the references to its " + std::to_string(clusters) +
                    " clusters",
                EFBIG);
  }
  ReferenceMap map;
  map.clusters_ = clusters;
  // calloc: pages that stay zero are never touched.
  map.words_.reset(
      static_cast<uint64_t*>(std::calloc(div_round_up(clusters, per_word) + 1, sizeof(uint64_t))));
  if (!map.words_) return fail(ErrorKind::out_of_memory, "No memory to count references", ENOMEM);
  map.chunks_.resize(div_round_up(clusters, per_chunk) + 1);
  return map;
}

void ReferenceMap::add(uint64_t first, uint64_t count) {
  const uint64_t end = first + count;
  end_ = std::max(end_, end);
  while (first < end) {
    const uint64_t bit = first % per_word;
    const uint64_t bits = std::min(per_word - bit, end - first);
    add_to_word(first / per_word, (UINT64_MAX >> (per_word - bits)) << bit);
    first += bits;
  }
}

bool ReferenceMap::any(uint64_t first, uint64_t count) const {
  for (const uint64_t end = first + count; first < end;) {
    const uint64_t bit = first % per_word;
    const uint64_t bits = std::min(per_word - bit, end - first);
    if ((words_[first / per_word] & ((UINT64_MAX >> (per_word - bits)) << bit)) != 0) return true;
    first += bits;
  }
  return false;
}

void ReferenceMap::add_to_word(uint64_t word, uint64_t mask) {
  uint64_t again = words_[word] & mask;
  words_[word] |= mask;
  for (; again != 0; again &= again - 1) {
    add_extra(word * per_word + static_cast<uint64_t>(std::countr_zero(again)));
  }
}

void ReferenceMap::add_extra(uint64_t cluster) {
  any_shared_ = true;
  std::unique_ptr<uint8_t[]>& chunk = chunks_[cluster / per_chunk];
  if (!chunk) chunk = std::make_unique<uint8_t[]>(per_chunk);
  uint8_t& byte = chunk[cluster % per_chunk];
  if (byte == full_byte) {
    ++beyond_byte_[cluster];
  } else {
    ++byte;
  }
}

uint64_t ReferenceMap::extra(uint64_t cluster) const {
  const uint8_t byte = chunks_[cluster / per_chunk][cluster % per_chunk];
  if (byte != full_byte) return byte;
  const auto more = beyond_byte_.find(cluster);
  return byte + (more == beyond_byte_.end() ? 0 : more->second);
}

}  // namespace oxbow::format::qcow2
