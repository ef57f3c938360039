// The io_uring back end: the only file that sees liburing. Requests are put in the
// ring as they come and cost one io_uring_enter a turn, which submits, waits and reaps.
#include <liburing.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <functional>
#include <utility>

#include "async/backend.h"
#include "async/waker.h"

namespace oxbow::async {
namespace {

// user_data of completions that are no operation's; no object has these addresses.
constexpr uint64_t cancel_tag = 1;
constexpr uint64_t wake_tag = 2;

int init_ring(io_uring& ring, unsigned depth) {
  // The best the kernel knows: completions are run by the one thread that waits for
  // them (6.1), else without interrupting it (5.19), else as ever.
  constexpr unsigned base = IORING_SETUP_CLAMP;
  constexpr unsigned attempts[] = {
      base | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
      base | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, base};
  int error = 0;
  for (const unsigned flags : attempts) {
    io_uring_params params{};
    params.flags = flags;
    error = io_uring_queue_init_params(depth, &ring, &params);
    if (error != -EINVAL) break;
  }
  if (error != 0) return error;
  // Timed waits inside io_uring_enter, and completions that are never dropped (5.11).
  const unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
  if ((ring.features & needed) == needed) return 0;
  io_uring_queue_exit(&ring);
  return -ENOSYS;
}

// The buffers that the kernel keeps pinned: slots of the ring's table.
class BufferTable {
 public:
  static constexpr int none = -1;

  bool add(io_uring& ring, const iovec& buffer);
  void remove(io_uring& ring, const iovec& buffer);
  /// After the ring was made anew.
  void add_all_again(io_uring& ring);
  /// The slot that holds all of `part`, or none.
  [[nodiscard]] int find(const iovec& part) const;

 private:
  static constexpr unsigned slots = 32;
  bool set(io_uring& ring, unsigned slot, const iovec& buffer);

  std::array<iovec, slots> buffers_{};  // of length 0: free
  unsigned used_ = 0;
  bool made_ = false;
};

bool BufferTable::set(io_uring& ring, unsigned slot, const iovec& buffer) {
  if (!made_) made_ = io_uring_register_buffers_sparse(&ring, slots) == 0;
  constexpr __u64 no_tag = 0;
  return made_ && io_uring_register_buffers_update_tag(&ring, slot, &buffer, &no_tag, 1) == 1;
}

bool BufferTable::add(io_uring& ring, const iovec& buffer) {
  const auto slot = std::ranges::find(buffers_, size_t{0}, &iovec::iov_len);
  if (slot == buffers_.end() || buffer.iov_len == 0) return false;
  if (!set(ring, static_cast<unsigned>(slot - buffers_.begin()), buffer)) return false;
  *slot = buffer;
  ++used_;
  return true;
}

void BufferTable::remove(io_uring& ring, const iovec& buffer) {
  const auto slot = std::ranges::find_if(buffers_, [&](const iovec& known) {
    return known.iov_base == buffer.iov_base && known.iov_len == buffer.iov_len;
  });
  if (slot == buffers_.end()) return;
  *slot = {};
  --used_;
  set(ring, static_cast<unsigned>(slot - buffers_.begin()), {});
}

void BufferTable::add_all_again(io_uring& ring) {
  made_ = false;
  used_ = 0;
  for (const iovec& buffer : std::exchange(buffers_, {})) add(ring, buffer);
}

int BufferTable::find(const iovec& part) const {
  if (used_ == 0) return none;
  const auto* begin = static_cast<const char*>(part.iov_base);
  for (unsigned slot = 0; slot < slots; ++slot) {
    const auto* base = static_cast<const char*>(buffers_[slot].iov_base);
    if (std::less_equal<>()(base, begin) &&
        std::less_equal<>()(begin + part.iov_len, base + buffers_[slot].iov_len)) {
      return static_cast<int>(slot);
    }
  }
  return none;
}

// A single buffer spares the kernel the import of an iovec array.
void prepare_single(io_uring_sqe* sqe, const Operation& op, int slot) {
  const bool reads = op.code == Operation::Code::read;
  void* const base = op.vectors->iov_base;
  const auto length = static_cast<unsigned>(op.vectors->iov_len);
  if (slot == BufferTable::none) {
    reads ? io_uring_prep_read(sqe, op.fd, base, length, op.offset)
          : io_uring_prep_write(sqe, op.fd, base, length, op.offset);
  } else {
    reads ? io_uring_prep_read_fixed(sqe, op.fd, base, length, op.offset, slot)
          : io_uring_prep_write_fixed(sqe, op.fd, base, length, op.offset, slot);
  }
  sqe->rw_flags = op.flags;
}

void prepare_transfer(io_uring_sqe* sqe, const Operation& op, const BufferTable& buffers) {
  if (op.count == 1 && op.vectors->iov_len <= INT32_MAX) {
    prepare_single(sqe, op, buffers.find(*op.vectors));
  } else if (op.code == Operation::Code::read) {
    io_uring_prep_readv2(sqe, op.fd, op.vectors, op.count, op.offset, op.flags);
  } else {
    io_uring_prep_writev2(sqe, op.fd, op.vectors, op.count, op.offset, op.flags);
  }
}

void prepare(io_uring_sqe* sqe, Operation& op, const BufferTable& buffers) {
  switch (op.code) {
    case Operation::Code::read:
    case Operation::Code::write: prepare_transfer(sqe, op, buffers); break;
    case Operation::Code::fsync: io_uring_prep_fsync(sqe, op.fd, 0); break;
    case Operation::Code::datasync: io_uring_prep_fsync(sqe, op.fd, IORING_FSYNC_DATASYNC); break;
    case Operation::Code::fallocate:
      io_uring_prep_fallocate(sqe, op.fd, op.flags, static_cast<off_t>(op.offset),
                              static_cast<off_t>(op.length));
      break;
    case Operation::Code::poll:
      io_uring_prep_poll_add(sqe, op.fd, static_cast<unsigned>(op.flags));
      break;
  }
  io_uring_sqe_set_data(sqe, &op);
}

class UringBackend final : public Backend {
 public:
  UringBackend(unsigned depth, Waker waker) : depth_(depth), waker_(std::move(waker)) {}
  ~UringBackend() override {
    assert(in_flight_ == 0);
    if (ring_made_) io_uring_queue_exit(&ring_);
  }

  Result<void> start() {
    const int error = init_ring(ring_, depth_);
    if (error != 0) return std::unexpected(Error::from_errno(-error, "io_uring_setup"));
    ring_made_ = true;
    return {};
  }

  void submit(Operation& operation) override;
  void cancel(Operation& operation) override;
  void turn(bool wait, std::optional<Clock::time_point> deadline, OperationList& finished) override;
  void wake() override { waker_.wake(); }
  [[nodiscard]] unsigned in_flight() const override { return in_flight_; }

  Result<void> move_to_this_thread() override {
    assert(in_flight_ == 0);
    io_uring_queue_exit(&ring_);
    ring_made_ = false;
    watching_ = false;
    TRY(start());
    buffers_.add_all_again(ring_);
    return {};
  }
  bool register_buffer(const iovec& buffer) override { return buffers_.add(ring_, buffer); }
  void unregister_buffer(const iovec& buffer) override { buffers_.remove(ring_, buffer); }

 private:
  io_uring_sqe* free_sqe();
  void push_backlog();
  void watch_waker();
  void enter(bool wait, std::optional<Clock::time_point> deadline);
  void wait_for_one(std::optional<Clock::time_point> deadline);
  void reap(OperationList& finished);

  unsigned depth_;
  Waker waker_;
  io_uring ring_{};
  BufferTable buffers_;
  bool ring_made_ = false;
  bool watching_ = false;  // a poll of the waker is in the ring
  unsigned in_flight_ = 0;
  OperationList backlog_;  // submitted while the ring was full
  OperationList ended_;    // finished outside a turn
};

// Null only if the kernel takes nothing now; completions reaped on the way are kept.
io_uring_sqe* UringBackend::free_sqe() {
  if (io_uring_sqe* sqe = io_uring_get_sqe(&ring_)) return sqe;
  if (io_uring_submit(&ring_) < 0) {
    reap(ended_);
    io_uring_submit(&ring_);
  }
  return io_uring_get_sqe(&ring_);
}

void UringBackend::submit(Operation& operation) {
  operation.in_flight = true;
  ++in_flight_;
  backlog_.push(operation);
  push_backlog();
}

void UringBackend::push_backlog() {
  while (!backlog_.empty()) {
    io_uring_sqe* sqe = free_sqe();
    if (sqe == nullptr) return;
    prepare(sqe, backlog_.pop(), buffers_);
  }
}

void UringBackend::cancel(Operation& operation) {
  for (Operation* queued = backlog_.front(); queued != nullptr; queued = queued->next) {
    if (queued != &operation) continue;
    backlog_.remove(operation);
    operation.result = -ECANCELED;
    operation.in_flight = false;
    --in_flight_;
    ended_.push(operation);
    return;
  }
  io_uring_sqe* sqe = free_sqe();
  if (sqe == nullptr) return;  // the operation ends when it ends
  io_uring_prep_cancel(sqe, &operation, 0);
  io_uring_sqe_set_data64(sqe, cancel_tag);
}

void UringBackend::turn(bool wait, std::optional<Clock::time_point> deadline,
                        OperationList& finished) {
  push_backlog();
  if (wait) watch_waker();
  enter(wait && ended_.empty() && io_uring_cq_ready(&ring_) == 0, deadline);
  finished.append(ended_);
  reap(finished);
}

void UringBackend::watch_waker() {
  if (watching_) return;
  io_uring_sqe* sqe = free_sqe();
  if (sqe == nullptr) return;
  io_uring_prep_poll_add(sqe, waker_.fd(), POLLIN);
  io_uring_sqe_set_data64(sqe, wake_tag);
  watching_ = true;
}

// Errors of io_uring_enter (EINTR, EBUSY, EAGAIN) leave the queue as it is; the next
// turn tries again after completions were reaped.
void UringBackend::enter(bool wait, std::optional<Clock::time_point> deadline) {
  if (wait) {
    wait_for_one(deadline);
  } else if (io_uring_sq_ready(&ring_) > 0) {
    io_uring_submit_and_get_events(&ring_);
  } else if ((IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) !=
             0) {
    io_uring_get_events(&ring_);
  }
}

void UringBackend::wait_for_one(std::optional<Clock::time_point> deadline) {
  if (!deadline) {
    io_uring_submit_and_wait(&ring_, 1);
    return;
  }
  const auto left = std::max(*deadline - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  __kernel_timespec limit{};
  limit.tv_sec = seconds.count();
  limit.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
  io_uring_cqe* cqe = nullptr;
  io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &limit, nullptr);
}

void UringBackend::reap(OperationList& finished) {
  io_uring_cqe* cqe = nullptr;
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    ++seen;
    if (cqe->user_data == cancel_tag) continue;
    if (cqe->user_data == wake_tag) {
      waker_.clear();
      watching_ = false;
      continue;
    }
    auto& operation = *static_cast<Operation*>(io_uring_cqe_get_data(cqe));
    operation.result = cqe->res;
    operation.in_flight = false;
    --in_flight_;
    finished.push(operation);
  }
  io_uring_cq_advance(&ring_, seen);
}

}  // namespace

Result<std::unique_ptr<Backend>> make_uring_backend(unsigned queue_depth) {
  TRY_ASSIGN(Waker waker, Waker::create());
  auto backend = std::make_unique<UringBackend>(queue_depth, std::move(waker));
  TRY(backend->start());
  return backend;
}

}  // namespace oxbow::async
