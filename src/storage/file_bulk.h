// The way past the page cache for jobs that move much data once: a second descriptor with
// O_DIRECT on a file that is otherwise used through the cache. The kernel keeps the two
// coherent. Knows which requests fit, what is cached already, and when it does not pay.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/io_vector.h"
#include "storage/descriptor.h"
#include "storage/file_alignment.h"

namespace oxbow::storage {

class FileBulk {
 public:
  /// For the file that `fd` has open; null where the file system cannot do it.
  static std::unique_ptr<FileBulk> open(int fd, bool writable, uint64_t size);
  FileBulk(const FileBulk&) = delete;
  FileBulk& operator=(const FileBulk&) = delete;
  ~FileBulk();

  [[nodiscard]] int fd() const { return fd_.get(); }
  void set_active(bool active) { active_ = active; }
  [[nodiscard]] bool active() const { return active_ && works_; }

  /// Whether the request is large and aligned. Ask active() first.
  [[nodiscard]] bool takes(uint64_t offset, IoSpan vector) const;
  /// Whether to write this request this way: not for a while after the disk proved slow.
  [[nodiscard]] bool takes_write(uint64_t offset, IoSpan vector);
  /// Whether the page cache holds the byte at `offset`: then the cache is the better way.
  /// Starts no read-ahead, unlike trying to read.
  [[nodiscard]] bool cached(uint64_t offset) const;

  /// The kernel refused an aligned request: not this way any more.
  void give_up() { works_ = false; }
  /// Around every direct write; `bytes` of it arrived.
  void write_begins();
  void write_ended(uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;

  FileBulk(Descriptor fd, DirectAlignment alignment) : fd_(std::move(fd)), alignment_(alignment) {}

  Descriptor fd_;
  DirectAlignment alignment_;
  void* map_ = nullptr;  // never touched: only mincore(2) looks at it
  uint64_t map_size_ = 0;
  bool active_ = false;
  bool works_ = true;
  unsigned writing_ = 0;
  Clock::time_point busy_since_;
  // Of the present sample: bytes written, and time with a write under way.
  uint64_t sample_bytes_ = 0;
  Clock::duration sample_time_{};
  uint64_t detour_left_ = 0;  // bytes to write through the page cache
};

}  // namespace oxbow::storage
