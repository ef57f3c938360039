// The loop's turn, and what wakes it.
#include "async/loop.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <string_view>

namespace oxbow::async {
namespace {

constexpr unsigned inline_in_a_row = 64;

}  // namespace

/// A task that the loop owns; a node of the list of them.
struct Loop::Spawned : RootOwner {
  Task<void> task;
  std::function<void(Result<void>)> done;
  Spawned* previous = nullptr;
  Spawned* next = nullptr;

  static void* operator new(std::size_t size) {
    if (void* block = frame_pool::allocate(size)) return block;
    throw std::bad_alloc();
  }
  static void operator delete(void* block, std::size_t size) { frame_pool::release(block, size); }
};

Loop::Loop(const LoopOptions& options) : options_(options), thread_(std::this_thread::get_id()) {}

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options) {
  std::unique_ptr<Loop> loop(new Loop(options));
  if (options.backend != LoopOptions::Backend::automatic) TRY(loop->ensure_backend());
  return loop;
}

std::unique_ptr<Loop> Loop::create_on(std::unique_ptr<Backend> backend) {
  std::unique_ptr<Loop> loop(new Loop(LoopOptions{}));
  loop->backend_ = std::move(backend);
  return loop;
}

Loop& Loop::current_thread() {
  static thread_local Loop loop{LoopOptions{}};
  return loop;
}

Loop::~Loop() {
  take_mail();
  while (first_spawned_ != nullptr) {
    if (!stuck()) {
      turn(true, nullptr);
    } else {
      // The youngest first: a task's helpers are gone before it.
      end_spawned(*last_spawned_,
                  fail(ErrorKind::cancelled, "the event loop ended before the task"));
    }
  }
}

Result<void> Loop::ensure_backend() {
  if (backend_ != nullptr) return {};
  LoopOptions::Backend choice = options_.backend;
  const bool automatic = choice == LoopOptions::Backend::automatic;
  if (const char* wish = std::getenv("OXBOW_AIO"); automatic && wish != nullptr) {
    if (std::string_view(wish) == "threads") choice = LoopOptions::Backend::threads;
    if (std::string_view(wish) == "io_uring") choice = LoopOptions::Backend::io_uring;
  }
  if (choice != LoopOptions::Backend::threads) {
    Result<std::unique_ptr<Backend>> ring = make_uring_backend(options_.queue_depth);
    if (ring) {
      backend_ = *std::move(ring);
      return {};
    }
    if (choice == LoopOptions::Backend::io_uring) return std::unexpected(std::move(ring).error());
  }
  TRY_ASSIGN(backend_, make_thread_backend(options_.threads));
  return {};
}

Result<void> Loop::adopt_thread() {
  const std::thread::id here = std::this_thread::get_id();
  if (here == thread_) return {};
  if (backend_ != nullptr) {
    if (backend_->in_flight() != 0) {
      return fail(ErrorKind::internal, "an event loop with I/O in flight changed threads");
    }
    TRY(backend_->move_to_this_thread());
  }
  thread_ = here;
  return {};
}

Result<void> Loop::drive(PromiseBase& root) {
  assert(!running_ && "run() inside a task");
  TRY(adopt_thread());
  root.become_root(*this);
  make_ready(root);
  while (!root.done()) turn(true, &root);
  return {};
}

void Loop::poll() {
  assert(!running_ && "poll() inside a task");
  if (adopt_thread()) turn(false, nullptr);
}

void Loop::drain() {
  assert(!running_ && "drain() inside a task");
  if (!adopt_thread()) return;
  while (first_spawned_ != nullptr) turn(true, nullptr);
}

// `driven`: blocking makes no sense once it has ended; null: once no spawned task is left.
void Loop::turn(bool may_block, const PromiseBase* driven) {
  running_ = true;
  inline_left_ = inline_in_a_row;
  if (mail_.load(std::memory_order_relaxed)) take_mail();
  fire_timers();
  run_ready();
  end_finished();
  const bool over = driven != nullptr ? driven->done() : first_spawned_ == nullptr;
  backend_turn(may_block && !over && ready_.empty());
  end_finished();
  running_ = false;
}

void Loop::take_mail() {
  std::vector<std::move_only_function<void()>> functions;
  List delivered;
  {
    const std::lock_guard lock(mail_mutex_);
    functions.swap(posted_);
    delivered = delivered_.take();
    mail_.store(false, std::memory_order_relaxed);
  }
  while (!delivered.empty()) {
    --offloads_;
    make_ready(delivered.pop());
  }
  for (auto& function : functions) function();
}

void Loop::fire_timers() {
  if (timers_.empty()) return;
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.earliest().due <= now) {
    TimerNode& node = timers_.earliest();
    timers_.remove(node);
    make_ready(*node.waiter);
  }
}

// What becomes ready meanwhile waits for the next turn, so that I/O gets its share.
void Loop::run_ready() {
  List now = ready_.take();
  while (!now.empty()) run_chain(now.pop());
}

void Loop::backend_turn(bool wait) {
  if (backend_ == nullptr && wait && !ensure_backend()) {
    // Not even a descriptor to wait on: look again soon.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (backend_ == nullptr) return;
  std::optional<Clock::time_point> deadline;
  if (wait && !timers_.empty()) deadline = timers_.earliest().due;
  OperationList finished;
  const bool sleep = wait && prepare_to_sleep();
  backend_->turn(sleep, deadline, finished);
  if (wait) sleeping_.store(false, std::memory_order_relaxed);
  while (!finished.empty()) run_chain(*finished.pop().waiter);
}

// Together with wake_if_asleep(): either the sender sees sleeping_ or we see its mail.
bool Loop::prepare_to_sleep() {
  sleeping_.store(true);
  return !mail_.load();
}

void Loop::post(std::move_only_function<void()> function) {
  const std::lock_guard lock(mail_mutex_);
  posted_.push_back(std::move(function));
  wake_if_asleep();
}

void Loop::deliver(PromiseBase& promise) {
  const std::lock_guard lock(mail_mutex_);
  delivered_.push(promise);
  wake_if_asleep();
}

// With mail_mutex_ held: the loop takes the mail, and can end, only after we are through.
void Loop::wake_if_asleep() {
  mail_.store(true);
  if (sleeping_.exchange(false)) backend_->wake();
}

void Loop::spawn(Task<void> task, std::function<void(Result<void>)> done) {
  if (!task) {
    if (done) done(task.take_result());
    return;
  }
  auto* spawned = new Spawned{{}, std::move(task), std::move(done), last_spawned_, nullptr};
  (last_spawned_ != nullptr ? last_spawned_->next : first_spawned_) = spawned;
  last_spawned_ = spawned;
  PromiseBase& root = spawned->task.promise();
  root.become_root(*this, spawned);
  make_ready(root);
}

void Loop::end_finished() {
  while (!finished_.empty()) {
    PromiseBase& root = finished_.pop();
    if (root.root_owner() == nullptr) continue;  // run() keeps it
    auto& spawned = static_cast<Spawned&>(*root.root_owner());
    end_spawned(spawned, spawned.task.take_result());
  }
}

void Loop::end_spawned(Spawned& spawned, Result<void> result) {
  (spawned.previous != nullptr ? spawned.previous->next : first_spawned_) = spawned.next;
  (spawned.next != nullptr ? spawned.next->previous : last_spawned_) = spawned.previous;
  const std::unique_ptr<Spawned> owned(&spawned);
  owned->task = {};
  if (owned->done) owned->done(std::move(result));
}

bool Loop::stuck() {
  const bool mail = mail_.load();
  const bool in_flight = backend_ != nullptr && backend_->in_flight() > 0;
  return !mail && !in_flight && ready_.empty() && timers_.empty() && offloads_ == 0;
}

RegisteredBuffer Loop::register_buffer(std::span<std::byte> memory) {
  const iovec buffer{memory.data(), memory.size()};
  if (!ensure_backend() || !backend_->register_buffer(buffer)) return {};
  return RegisteredBuffer(*backend_, buffer);
}

Operation Loop::transfer(Operation::Code code, int fd, std::span<const iovec> vectors,
                         uint64_t offset, int flags) {
  Operation operation;
  operation.code = code;
  operation.fd = fd;
  operation.flags = flags;
  operation.count = static_cast<uint32_t>(vectors.size());
  operation.vectors = vectors.data();
  operation.offset = offset;
  return operation;
}

}  // namespace oxbow::async
