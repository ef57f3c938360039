#include "base/io_vector.h"

#include <algorithm>
#include <cstring>

namespace oxbow {

uint64_t io_length(IoSpan vector) {
  uint64_t total = 0;
  for (const iovec& part : vector) total += part.iov_len;
  return total;
}

std::vector<iovec> io_subvector(IoSpan vector, uint64_t offset, uint64_t length) {
  std::vector<iovec> out;
  for (const iovec& part : vector) {
    if (length == 0) break;
    if (offset >= part.iov_len) {
      offset -= part.iov_len;
      continue;
    }
    const size_t take = std::min<uint64_t>(part.iov_len - offset, length);
    out.push_back({static_cast<char*>(part.iov_base) + offset, take});
    length -= take;
    offset = 0;
  }
  return out;
}

void io_fill_zero(IoSpan vector) {
  for (const iovec& part : vector) std::memset(part.iov_base, 0, part.iov_len);
}

void io_copy_from(IoSpan target, std::span<const std::byte> source) {
  for (const iovec& part : target) {
    const size_t take = std::min(part.iov_len, source.size());
    std::memcpy(part.iov_base, source.data(), take);
    source = source.subspan(take);
  }
}

void io_copy_to(IoSpan source, std::span<std::byte> target) {
  for (const iovec& part : source) {
    const size_t take = std::min(part.iov_len, target.size());
    std::memcpy(target.data(), part.iov_base, take);
    target = target.subspan(take);
  }
}

}  // namespace oxbow
