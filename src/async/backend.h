// The seam between the loop and the ways of doing I/O. The loop queues operations and
// asks for turns; a back end batches them, does them and gives them back. Tests put
// their own back end here to fail or delay the operation they choose.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"

namespace oxbow::async {

class PromiseBase;
using Clock = std::chrono::steady_clock;

/// One request to the kernel. Lives in the awaiting frame; from submit() until it comes
/// back from turn() it belongs to the back end, and its buffers to the kernel.
struct Operation {
  enum class Code : uint8_t { read, write, fsync, datasync, fallocate, poll };

  Code code = Code::read;
  bool in_flight = false;  ///< set by submit(), cleared as the operation comes back
  bool unwanted = false;   ///< cancelled after the back end had begun
  bool stream = false;     ///< the back end found that `fd` has no position
  int fd = -1;
  int flags = 0;       ///< RWF_ flags, fallocate's mode, or poll's events
  uint32_t count = 0;  ///< of `vectors`
  const iovec* vectors = nullptr;
  uint64_t offset = 0;            ///< ignored for what has no position (pipes, sockets)
  uint64_t length = 0;            ///< fallocate only
  int64_t result = 0;             ///< bytes, poll's revents, or a negative errno
  PromiseBase* waiter = nullptr;  ///< the loop's: who is resumed
  Operation* next = nullptr;
  Operation* previous = nullptr;
};

/// A queue of operations, first in, first out, linked through them.
class OperationList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Operation* front() const { return first_; }
  void push(Operation& operation);
  Operation& pop();
  /// `operation` must be in this list.
  void remove(Operation& operation);
  /// Moves everything from `other` to the end of this list.
  void append(OperationList& other);

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

/// Used by one thread, but for wake().
class Backend {
 public:
  virtual ~Backend() = default;

  /// Takes the operation over. It comes back from a later turn(), never from in here.
  virtual void submit(Operation& operation) = 0;
  /// Asks for an early end. The operation still comes back: with -ECANCELED, or with
  /// what it did if it was too late.
  virtual void cancel(Operation& operation) = 0;
  /// Passes on what is queued and appends what is finished to `finished`. Blocks, if
  /// `wait`, until an operation finishes, `deadline` passes or somebody calls wake().
  virtual void turn(bool wait, std::optional<Clock::time_point> deadline,
                    OperationList& finished) = 0;
  /// Ends the current or the next blocking turn(). Thread-safe.
  virtual void wake() = 0;
  /// Operations submitted and not yet back.
  [[nodiscard]] virtual unsigned in_flight() const = 0;
  /// Keeps the memory known to the kernel, which spares it the work of pinning the pages
  /// for every request with O_DIRECT. False where that cannot be had: nothing is lost.
  virtual bool register_buffer(const iovec&) { return false; }
  virtual void unregister_buffer(const iovec&) {}
  /// From now on the calling thread makes the turns. Nothing may be in flight.
  virtual Result<void> move_to_this_thread() { return {}; }
};

/// Fails where the kernel denies io_uring.
Result<std::unique_ptr<Backend>> make_uring_backend(unsigned queue_depth);
Result<std::unique_ptr<Backend>> make_thread_backend(unsigned threads);

/// Does a read, write, fsync or fallocate by a system call of this thread: the result
/// as in Operation::result, -ESPIPE where `fd` has no position and `stream` is not set.
int64_t perform(const Operation& operation);

}  // namespace oxbow::async
