// The file driver's object. Its operations are spread over file*.cc, one concept a file.
#pragma once

#include <algorithm>
#include <optional>

#include "async/loop.h"
#include "async/sync.h"
#include "storage/descriptor.h"
#include "storage/file.h"
#include "storage/file_bulk.h"
#include "storage/file_extents.h"
#include "storage/file_locks.h"

namespace oxbow::storage {

class FileStorage : public Storage {
 public:
  /// `fd` is open as `options` say; `size` is what it holds now. Locks are not taken yet.
  FileStorage(FileOptions options, Descriptor fd, uint64_t size, bool device);

  const std::string& filename() const override { return options_.path; }
  std::string driver() const override { return options_.driver; }
  bool read_only() const override { return !options_.writable; }
  uint64_t size() const override { return size_; }
  Limits limits() const override;
  Result<uint64_t> allocated_bytes() const override;

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> copy_from(Source& source, uint64_t source_offset, uint64_t offset,
                   uint64_t length) override;
  Task<> close() override;
  Result<void> set_sharing(Sharing sharing) override;
  void expect_bulk(bool on) override;

  /// For creation, which claims the right to resize from the start.
  Result<void> lock(LockSet set);

 protected:
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool durable(bool fua) const;
  /// `error` of the loop as callers should see it: "Could not `verb` 'file' at offset N".
  [[nodiscard]] Error io_error(Error error, const char* verb, uint64_t offset) const;
  [[nodiscard]] Result<void> check_writable() const;
  /// What a read that ended early, at `end`, means: zeroes beyond the known size, else
  /// an error.
  [[nodiscard]] Result<void> finish_short_read(IoSpan into, uint64_t length, uint64_t end,
                                               uint64_t done) const;
  /// Bookkeeping before a write that ends at `end` begins.
  void writing_up_to(uint64_t end) { written_end_ = std::max(written_end_, end); }
  /// Bookkeeping after [offset, offset + length) was written.
  void wrote(uint64_t offset, uint64_t length, bool stable);
  Result<void> set_length(uint64_t size);

 private:
  /// Reads what the page cache has at hand; less, or nothing, where it would have to wait.
  [[nodiscard]] size_t read_cached(uint64_t offset, IoSpan into, uint64_t length);
  [[nodiscard]] bool worth_trying_cache(uint64_t offset, IoSpan into, uint64_t length);
  /// The descriptor for one request: the direct one for what fits it in a bulk transfer.
  [[nodiscard]] int fd_for_read(uint64_t offset, IoSpan into) const;
  [[nodiscard]] int fd_for_write(uint64_t offset, IoSpan from) const;
  /// Whether a failed request through `used` is to be done again through the page cache.
  bool refused_direct(int used, const Error& error);
  [[nodiscard]] LockSet locks_for(Sharing sharing) const;

  Task<bool> zero_by_kernel(uint64_t offset, uint64_t length, bool unmap);
  Task<bool> zero_device(uint64_t offset, uint64_t length, bool unmap);
  Task<bool> try_fallocate(int mode, uint64_t offset, uint64_t length, bool& able);
  Task<> write_zero_bytes(uint64_t offset, uint64_t length, WriteFlags flags);

  Task<> grow_allocated(uint64_t size, Preallocation preallocation);
  Task<> allocate_new(uint64_t old_size, uint64_t size);
  Task<> fill_new(uint64_t old_size, uint64_t size);

  FileOptions options_;
  Descriptor fd_;
  uint64_t size_;
  uint64_t written_end_;  // of all writes done or under way: growing must not cut them off
  FileExtents extents_;
  FileLocks locks_;
  std::unique_ptr<FileBulk> bulk_;  // once a job has asked; stays, requests may be using it
  uint32_t cached_reads_ = 0;
  bool device_;
  bool lockable_ = true;
  bool reads_without_waiting_ = true;  // until the file system says no
  bool can_zero_range_ = true;         // likewise
  bool can_punch_ = true;              // likewise
  bool unflushed_ = false;
  // Those who ask for a flush while one is under way share the next: it begins after all of
  // their writes.
  async::Mutex flushing_;
  uint64_t flushes_asked_ = 0;
  uint64_t flushes_answered_ = 0;
  // The first failure of a flush. The kernel tells of a failed write-back once and then
  // takes the lost pages for clean, so a later fsync succeeds though the data is gone.
  std::optional<Error> flush_failure_;
};

}  // namespace oxbow::storage
