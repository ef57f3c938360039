#include "storage/file_bulk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <string>

#include "base/bytes.h"

namespace oxbow::storage {
namespace {

// Below this the page cache is as cheap and merges neighbours.
constexpr uint64_t least_request = 128 * 1024;
constexpr uint64_t page_size = 4096;
// A disk that writes less than this is left to the kernel's write-back for a while: memory
// takes the data so much faster that waiting for the disk would be felt.
constexpr uint64_t sample_size = 32 << 20;
constexpr double least_rate = 200e6;  // bytes a second
constexpr uint64_t detour_size = 128 << 20;

}  // namespace

std::unique_ptr<FileBulk> FileBulk::open(int fd, bool writable, uint64_t size) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  Descriptor direct(::open(path.c_str(), O_DIRECT | O_CLOEXEC | (writable ? O_RDWR : O_RDONLY)));
  if (!direct) return nullptr;
  const auto alignment = find_direct_alignment(direct.get());
  if (!alignment) return nullptr;
  std::unique_ptr<FileBulk> bulk(new FileBulk(std::move(direct), *alignment));
  if (!writable && size != 0) {
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
      bulk->map_ = map;
      bulk->map_size_ = size;
    }
  }
  return bulk;
}

FileBulk::~FileBulk() {
  if (map_ != nullptr) ::munmap(map_, map_size_);
}

bool FileBulk::takes(uint64_t offset, IoSpan vector) const {
  if (!is_aligned(offset, alignment_.request) || vector.size() > IOV_MAX) return false;
  if (io_length(vector) < least_request) return false;
  return std::ranges::all_of(vector, [this](const iovec& part) {
    return is_aligned(part.iov_len, alignment_.request) &&
           is_aligned(reinterpret_cast<uintptr_t>(part.iov_base), alignment_.memory);
  });
}

bool FileBulk::takes_write(uint64_t offset, IoSpan vector) {
  if (!active() || !takes(offset, vector)) return false;
  if (detour_left_ == 0) return true;
  detour_left_ -= std::min(detour_left_, io_length(vector));
  return false;
}

bool FileBulk::cached(uint64_t offset) const {
  if (offset >= map_size_) return true;
  unsigned char resident = 0;
  auto* const page = static_cast<std::byte*>(map_) + align_down(offset, page_size);
  return ::mincore(page, page_size, &resident) != 0 || (resident & 1) != 0;
}

void FileBulk::write_begins() {
  if (writing_++ == 0) busy_since_ = Clock::now();
}

void FileBulk::write_ended(uint64_t bytes) {
  sample_bytes_ += bytes;
  if (--writing_ != 0 && sample_bytes_ < sample_size) return;
  const Clock::time_point now = Clock::now();
  sample_time_ += now - std::exchange(busy_since_, now);
  if (sample_bytes_ < sample_size) return;
  const double seconds = std::chrono::duration<double>(sample_time_).count();
  if (static_cast<double>(sample_bytes_) < seconds * least_rate) detour_left_ = detour_size;
  sample_bytes_ = 0;
  sample_time_ = {};
}

}  // namespace oxbow::storage
