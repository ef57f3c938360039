// Scatter/gather lists: what one request reads into or writes from. The list and
// the memory behind it belong to the caller until the operation completes.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace oxbow {

using IoSpan = std::span<const iovec>;

[[nodiscard]] inline iovec io_slice(void* base, size_t length) { return {base, length}; }
[[nodiscard]] inline iovec io_slice(std::span<std::byte> bytes) {
  return {bytes.data(), bytes.size()};
}
/// For writes: the memory is only read, iovec just has no const.
[[nodiscard]] inline iovec io_slice(std::span<const std::byte> bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

[[nodiscard]] uint64_t io_length(IoSpan vector);
/// The `length` bytes that begin `offset` bytes into `vector`; both must lie inside it.
[[nodiscard]] std::vector<iovec> io_subvector(IoSpan vector, uint64_t offset, uint64_t length);
void io_fill_zero(IoSpan vector);
/// Copies min(lengths) bytes from or to contiguous memory.
void io_copy_from(IoSpan target, std::span<const std::byte> source);
void io_copy_to(IoSpan source, std::span<std::byte> target);

}  // namespace oxbow
