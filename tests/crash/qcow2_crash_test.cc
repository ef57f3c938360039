// Power cuts at every point of a mixed workload on qcow2 images: whatever part of the
// unflushed writes reached the disk, the metadata has no error, at worst leaks, and every
// guest byte is what the last flush promised or something written after it.
#include <gtest/gtest.h>

#include <bitset>
#include <cstdio>

#include "image_fixture.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

struct Workload {
  const char* name;
  ImageShape shape;
  bool compress = false;  // clusters that are written whole, where nothing was
};

const Workload workloads[] = {
    {"v3_512", {.cluster_bits = 9, .bytes = 96 << 10}},
    {"v3_4k", {.cluster_bits = 12, .bytes = 256 << 10}},
    {"v2_1k", {.version = 2, .cluster_bits = 10, .bytes = 128 << 10}},
    {"backed_1k", {.cluster_bits = 10, .backing_bytes = 100000, .bytes = 128 << 10}},
    {"rc64_512", {.cluster_bits = 9, .refcount_order = 6, .bytes = 64 << 10}},
    {"ext_16k",
     {.cluster_bits = 14, .extended_l2 = true, .backing_bytes = 200000, .bytes = 512 << 10}},
    {"lazy_512", {.cluster_bits = 9, .lazy_refcounts = true, .bytes = 96 << 10}},
    {"packed_512", {.cluster_bits = 9, .bytes = 96 << 10}, true},
    {"packed_4k", {.cluster_bits = 12, .bytes = 256 << 10}, true},
    {"packed_rc2_1k", {.cluster_bits = 10, .refcount_order = 1, .bytes = 128 << 10}, true},
    {"packed_lazy_512", {.cluster_bits = 9, .lazy_refcounts = true, .bytes = 96 << 10}, true},
};

// For each byte of the disk, the values that it may have.
using Allowed = std::vector<std::bitset<256>>;

// What the guest did, and which flush of the file each of its own flushes ended with.
class History {
 public:
  explicit History(std::vector<uint8_t> start) : now_(std::move(start)) { promise_from(0); }

  void record(const GuestOp& op) {
    for (uint64_t i = op.offset; i < op.offset + op.length; ++i) {
      switch (op.kind) {
        case GuestOp::Kind::write: allow(i, op.pattern); break;
        case GuestOp::Kind::zero:
        case GuestOp::Kind::zero_unmap: allow(i, 0); break;
        case GuestOp::Kind::discard: allow_also(i, 0); break;
        default: break;
      }
    }
  }

  /// Everything so far is promised once the file has been flushed `flushes` times.
  void promise_from(size_t flushes) {
    Promise promise;
    promise.flushes = flushes;
    promise.allowed.resize(now_.size());
    for (size_t i = 0; i < now_.size(); ++i) promise.allowed[i] = possible(i);
    promises_.push_back(std::move(promise));
  }

  /// The first byte of `seen` that no order of events explains, for a cut after `flushes`; -1:
  /// none.
  [[nodiscard]] int64_t first_lie(size_t flushes, std::span<const std::byte> seen) const {
    const Promise* promise = &promises_.front();
    for (const Promise& candidate : promises_) {
      if (candidate.flushes <= flushes) promise = &candidate;
    }
    for (size_t i = 0; i < seen.size(); ++i) {
      if (!promise->allowed[i].test(std::to_integer<uint8_t>(seen[i])))
        return static_cast<int64_t>(i);
    }
    return -1;
  }

 private:
  struct Promise {
    size_t flushes = 0;
    Allowed allowed;
  };

  [[nodiscard]] std::bitset<256> possible(size_t i) const {
    std::bitset<256> out;
    out.set(now_[i]);
    if (!maybe_.empty() && maybe_[i]) out.set(0);
    return out;
  }
  // A later value: allowed after each promise so far, and the only one for the next.
  void allow(size_t i, uint8_t value) {
    now_[i] = value;
    if (!maybe_.empty()) maybe_[i] = false;
    for (Promise& promise : promises_) promise.allowed[i].set(value);
  }
  void allow_also(size_t i, uint8_t value) {
    if (maybe_.empty()) maybe_.resize(now_.size());
    maybe_[i] = true;
    for (Promise& promise : promises_) promise.allowed[i].set(value);
  }

  std::vector<uint8_t> now_;
  std::vector<bool> maybe_;  // discarded: zero is possible, too
  std::vector<Promise> promises_;
};

class Qcow2Crash : public ::testing::TestWithParam<Workload> {};

struct Recording {
  storage::CrashLog log;
  History history;
};

Recording run_workload(const Workload& workload, uint32_t seed) {
  const ImageShape& shape = workload.shape;
  std::vector<uint8_t> start(shape.bytes);
  for (uint64_t i = 0; i < std::min(shape.bytes, shape.backing_bytes); ++i)
    start[i] = backing_byte(i);
  History history(std::move(start));
  const auto crash = std::make_shared<storage::CrashStorage>(make_image(shape));
  auto node =
      open_node(std::make_unique<storage::LentStorage>(crash), make_backing(shape.backing_bytes));
  EXPECT_TRUE(node) << node.error().message();
  (*node)->set_compress(workload.compress);
  async::Loop& loop = async::Loop::current_thread();
  OpSource source(seed, shape.bytes, uint64_t{1} << shape.cluster_bits);
  std::vector<std::byte> buffer(4 * (uint64_t{1} << shape.cluster_bits) + 65536);
  for (int i = 0; i < 60; ++i) {
    const GuestOp op = source.next();
    // An operation that is under way at the cut may have happened in part.
    history.record(op);
    const auto done = loop.run(apply_op(**node, op, buffer));
    EXPECT_TRUE(done) << done.error().message();
    if (op.kind == GuestOp::Kind::flush) history.promise_from(crash->flush_count());
  }
  EXPECT_TRUE(loop.run((*node)->close()));
  history.promise_from(crash->flush_count());
  return {crash->log(), std::move(history)};
}

// The image as the next user finds it: opened for writing (which repairs lazy refcounts),
// read whole, closed, checked.
void examine(const ImageShape& shape, const storage::CrashState& state, const History& history) {
  async::Loop& loop = async::Loop::current_thread();
  std::string first;
  if (!shape.lazy_refcounts) {
    const CheckResult found = check_bytes(state.contents, &first);
    ASSERT_EQ(found.corruptions + found.check_errors, 0u) << first;
  }
  const auto memory = std::make_shared<storage::MemoryStorage>(state.contents);
  auto node =
      open_node(std::make_unique<storage::LentStorage>(memory), make_backing(shape.backing_bytes));
  ASSERT_TRUE(node) << node.error().message();
  std::vector<std::byte> all(shape.bytes);
  const iovec part{all.data(), all.size()};
  const auto done = loop.run((*node)->read(0, IoSpan(&part, 1)));
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_EQ(history.first_lie(state.flushes, all), -1);
  ASSERT_TRUE(loop.run((*node)->close()));
  if (shape.lazy_refcounts) {
    const CheckResult found = check_bytes(memory->bytes(), &first);
    ASSERT_EQ(found.corruptions + found.check_errors, 0u) << first;
  }
}

TEST_P(Qcow2Crash, leaves_leaks_at_worst) {
  size_t states = 0;
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    const Recording recording = run_workload(GetParam(), seed);
    storage::CrashOptions options;
    options.exhaustive = 5;
    options.samples = 8;
    options.torn = true;
    storage::CrashStates walk(recording.log, options);
    while (auto state = walk.next()) {
      SCOPED_TRACE(state->description);
      examine(GetParam().shape, *state, recording.history);
      if (HasFatalFailure()) return;
    }
    states += walk.counts().states;
  }
  std::printf("%zu crash states\n", states);
  EXPECT_GT(states, 100u);
}

INSTANTIATE_TEST_SUITE_P(Workloads, Qcow2Crash, ::testing::ValuesIn(workloads),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
