#include "storage/file_alignment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/buffer.h"

namespace oxbow::storage {
namespace {

constexpr uint32_t smallest = 512;
constexpr uint32_t largest = 64 * 1024;

std::optional<DirectAlignment> ask_kernel(int fd) {
#ifdef STATX_DIOALIGN
  struct statx facts = {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
      (facts.stx_mask & STATX_DIOALIGN) != 0 && facts.stx_dio_offset_align != 0) {
    return DirectAlignment{std::max(facts.stx_dio_offset_align, smallest),
                           std::max(facts.stx_dio_mem_align, 1U)};
  }
#endif
  (void)fd;
  return std::nullopt;
}

bool can_read(int fd, std::byte* into, size_t length) {
  // EINVAL is the answer to a misaligned request; any other error is not about alignment.
  return ::pread(fd, into, length, 0) >= 0 || errno != EINVAL;
}

}  // namespace

Result<DirectAlignment> find_direct_alignment(int fd) {
  if (auto told = ask_kernel(fd)) return *told;
  // Reads from holes and beyond the end succeed however they are aligned: only data tells.
  struct stat facts = {};
  if (::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && ::lseek(fd, 0, SEEK_DATA) != 0) {
    return DirectAlignment{io_buffer_alignment, io_buffer_alignment};
  }
  TRY_ASSIGN(Buffer buffer, Buffer::allocate(2 * largest));
  const auto base = reinterpret_cast<uintptr_t>(buffer.data());
  std::byte* aligned = buffer.data() + (align_up(base, largest) - base);
  DirectAlignment found;
  for (found.request = smallest; !can_read(fd, aligned, found.request); found.request *= 2) {
    if (found.request == largest) {
      return fail(ErrorKind::unsupported, "Could not find working O_DIRECT alignment");
    }
  }
  // The byte after the aligned address tells whether the address matters at all.
  std::byte* shifted = buffer.data();
  for (found.memory = 1; found.memory < found.request; found.memory *= 2) {
    if (can_read(fd, shifted + found.memory, found.request)) break;
  }
  return found;
}

}  // namespace oxbow::storage
