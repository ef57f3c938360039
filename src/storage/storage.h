// Bytes at offsets: what a file, a memory region, a network export and the test
// drivers have in common. Formats stand on this interface and on nothing below it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/io_vector.h"
#include "base/result.h"

namespace oxbow::storage {

using async::Task;

/// What a driver asks of requests and what it can do natively.
struct Limits {
  /// Offsets and lengths that need no read-modify-write inside the driver. Callers
  /// may pass any offset and length; aligned ones are faster. A power of two.
  uint32_t request_alignment = 1;
  /// Buffers aligned to this need no bounce copy. A power of two.
  uint32_t memory_alignment = 1;
  /// write_zeroes without ZeroFlags::may_write costs less than writing the bytes.
  bool fast_zeroes = false;
  bool can_discard = false;
  /// copy_from works from another storage of the same driver.
  bool can_copy = false;
  /// Offsets are places in one file, which may be shown.
  bool has_places = true;
};

struct WriteFlags {
  bool fua = false;  ///< on stable media before the write completes
};

struct ZeroFlags {
  bool may_unmap = false;    ///< the range may lose its allocation
  bool no_fallback = false;  ///< fail (unsupported) rather than write the zero bytes
  bool fua = false;
};

enum class Preallocation { off, metadata, falloc, full };

struct Status {
  uint64_t length = 0;  ///< bytes from the asked offset with this status; > 0
  bool data = true;     ///< false: reads as zeroes and nothing is stored
  bool zero = false;    ///< reads as zeroes
};

/// What other processes may do with the store while it is open here.
enum class Sharing {
  write,  ///< read and write: the contents carry no metadata that this process caches
  read,   ///< only read: an image with metadata
};

/// Breakpoints of the fault driver, which cannot change the store.
class FaultControl {
 public:
  virtual ~FaultControl() = default;
  /// The next request that meets `event` stops and is known as `tag` until it is resumed.
  /// not_found for a word that is no event.
  virtual Result<void> add_break(const std::string& event, const std::string& tag) = 0;
  /// Resumes the request of this tag that was stopped first; not_found where none is.
  virtual Result<void> resume(const std::string& tag) = 0;
  /// Forgets the breakpoints of this tag and resumes all its requests; not_found where
  /// no breakpoint was left, which is also so after it has stopped a request.
  virtual Result<void> remove_break(const std::string& tag) = 0;
  [[nodiscard]] virtual bool is_suspended(const std::string& tag) const = 0;
};

/// One open byte store, to look at: whoever holds this alone cannot change a byte. Belongs to
/// one event loop. Offsets and lengths are bytes. Every error names filename(). Several
/// operations may be under way at once.
class Source {
 public:
  virtual ~Source() = default;

  /// As messages and `info` show it: a path, a URL, or a json:{} form.
  [[nodiscard]] virtual const std::string& filename() const = 0;
  /// The stock driver word: "file", "host_device", "null-co", "blkdebug", ...
  [[nodiscard]] virtual std::string driver() const = 0;
  [[nodiscard]] virtual bool read_only() const = 0;
  /// Length in bytes as last known; kept current by write() beyond the end and truncate().
  [[nodiscard]] virtual uint64_t size() const = 0;
  [[nodiscard]] virtual Limits limits() const { return {}; }
  /// Bytes really occupied on the host, where the driver knows.
  [[nodiscard]] virtual Result<uint64_t> allocated_bytes() const {
    return fail(ErrorKind::unsupported, "no allocation figure");
  }

  /// Fills `into`; what lies beyond the end reads as zeroes.
  virtual Task<> read(uint64_t offset, IoSpan into) = 0;
  /// What is known about [offset, offset + length); offset < size().
  virtual Task<Status> status(uint64_t offset, uint64_t length) = 0;

  /// Much data is about to pass, each byte once (true), or no longer (false): the driver may
  /// go past the page cache where that is cheaper. A hint; nothing else changes.
  virtual void expect_bulk(bool) {}

  /// Named points of the upper layer ("l2_update", "refblock_alloc", ...: the stock
  /// tools' blkdebug event words). Only the fault driver listens.
  virtual void event(std::string_view) {}
  /// That of the fault driver; nullptr elsewhere.
  virtual FaultControl* fault_control() { return nullptr; }
};

/// The same with everything that changes it.
class Storage : public Source {
 public:
  /// Writes all of `from`; grows the store where it ends beyond size().
  virtual Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) = 0;
  /// The range reads as zeroes afterwards; grows the store like write().
  virtual Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) = 0;
  /// A hint that the contents are not needed; they are undefined afterwards.
  virtual Task<> discard(uint64_t offset, uint64_t length) = 0;
  /// Everything completed before the call is on stable media after it.
  virtual Task<> flush() = 0;
  /// Sets the length; new bytes read as zeroes.
  virtual Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) = 0;
  /// Copies inside the kernel; `source` must be of the same driver. May copy nothing
  /// and fail with unsupported, in which case the caller reads and writes.
  virtual Task<> copy_from(Source& source, uint64_t source_offset, uint64_t offset,
                           uint64_t length);
  /// Gives up locks and descriptors; the last call. Errors of a final flush are told.
  virtual Task<> close() = 0;

  /// Claims what the upper layer needs, once it knows; busy where another process is in
  /// the way. Only stores that other processes can open have anything to claim.
  virtual Result<void> set_sharing(Sharing) { return {}; }
};

}  // namespace oxbow::storage
