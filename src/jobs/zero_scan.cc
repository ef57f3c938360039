#include "jobs/zero_scan.h"

#include <cstdint>
#include <cstring>

namespace oxbow::jobs {

namespace {

// Four registers of 16 bytes: what every x86-64 and AArch64 has, wide enough to keep up
// with memory.
using Lane [[gnu::vector_size(16)]] = uint64_t;
constexpr size_t stride = 4 * sizeof(Lane);

Lane load_lane(const std::byte* from) {
  Lane lane;
  std::memcpy(&lane, from, sizeof lane);
  return lane;
}

bool stride_is_zero(const std::byte* from) {
  const Lane low = load_lane(from) | load_lane(from + sizeof(Lane));
  const Lane high = load_lane(from + 2 * sizeof(Lane)) | load_lane(from + 3 * sizeof(Lane));
  const Lane all = low | high;
  return (all[0] | all[1]) == 0;
}

}  // namespace

size_t find_nonzero(std::span<const std::byte> bytes) {
  const std::byte* const begin = bytes.data();
  size_t at = 0;
  while (bytes.size() - at >= stride && stride_is_zero(begin + at)) at += stride;
  while (at < bytes.size() && begin[at] == std::byte{0}) ++at;
  return at;
}

bool is_zero(std::span<const std::byte> bytes) {
  const std::byte* const begin = bytes.data();
  const size_t size = bytes.size();
  if (size < stride) return find_nonzero(bytes) == size;
  // Data mostly shows at one of the ends: that spares the pass.
  if (!stride_is_zero(begin) || !stride_is_zero(begin + size - stride)) return false;
  for (size_t at = stride; at + stride < size; at += stride) {
    if (!stride_is_zero(begin + at)) return false;
  }
  return true;
}

}  // namespace oxbow::jobs
