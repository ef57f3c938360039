// Power cuts during commit and rebase. Whatever part of the unflushed writes reached the disk,
// the top over what its header names reads as it did before, and a check finds leaks at worst.
#include <gtest/gtest.h>

#include <cstdio>

#include "chain_images.h"
#include "jobs/commit_job.h"
#include "jobs/rebase_job.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using async::Task;

struct ChainWorkload {
  const char* name;
  ImageShape top;
  ImageShape base;
};

const ChainWorkload chain_workloads[] = {
    {"v3_512", {.cluster_bits = 9, .bytes = 32 << 10}, {.cluster_bits = 9, .bytes = 32 << 10}},
    {"v2_1k",
     {.version = 2, .cluster_bits = 10, .bytes = 64 << 10},
     {.version = 2, .cluster_bits = 10, .bytes = 48 << 10}},
    {"small_over_large",
     {.cluster_bits = 9, .bytes = 32 << 10},
     {.cluster_bits = 12, .bytes = 20 << 10}},
    {"extended",
     {.cluster_bits = 14, .extended_l2 = true, .bytes = 256 << 10},
     {.cluster_bits = 14, .extended_l2 = true, .bytes = 256 << 10}},
};

// Tells when the file was changed and flushed, on a clock that several files share.
class Clocked final : public storage::LentStorage {
 public:
  Clocked(std::shared_ptr<storage::Storage> inner, uint64_t& clock)
      : LentStorage(std::move(inner)), clock_(clock) {}

  Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    changed();
    return LentStorage::write(offset, from, flags);
  }
  Task<> write_zeroes(uint64_t offset, uint64_t length, storage::ZeroFlags flags) override {
    changed();
    return LentStorage::write_zeroes(offset, length, flags);
  }
  Task<> discard(uint64_t offset, uint64_t length) override {
    changed();
    return LentStorage::discard(offset, length);
  }
  Task<> truncate(uint64_t size, storage::Preallocation how) override {
    changed();
    return LentStorage::truncate(size, how);
  }
  Task<> flush() override {
    CO_TRY(co_await inner_->flush());
    last_flush = ++clock_;
    co_return {};
  }

  uint64_t first_change = UINT64_MAX;
  uint64_t last_change = 0;
  uint64_t last_flush = 0;

 private:
  void changed() {
    last_change = ++clock_;
    first_change = std::min(first_change, last_change);
  }
  uint64_t& clock_;
};

storage::SparseBytes filled(storage::SparseBytes start, std::shared_ptr<graph::Node> below,
                            uint32_t seed) {
  const auto memory = std::make_shared<storage::MemoryStorage>(std::move(start));
  const auto node = open_over(memory, std::move(below));
  scribble(*node, seed, 14);
  EXPECT_TRUE(loop().run(node->close()));
  return memory->bytes();
}

std::shared_ptr<graph::Node> node_of(const storage::SparseBytes& bytes,
                                     std::shared_ptr<graph::Node> below) {
  return open_over(std::make_shared<storage::MemoryStorage>(bytes), std::move(below));
}

class ChainCrash : public ::testing::TestWithParam<ChainWorkload> {};

storage::CrashOptions few_states() {
  storage::CrashOptions options;
  options.exhaustive = 5;
  options.samples = 6;
  options.torn = true;
  return options;
}

TEST_P(ChainCrash, during_a_commit_loses_nothing) {
  const auto base_bytes = filled(make_image(GetParam().base), nullptr, 1);
  const auto top_bytes =
      filled(make_overlay(GetParam().top, "base"), node_of(base_bytes, nullptr), 2);
  const Bytes before = read_all(*node_of(top_bytes, node_of(base_bytes, nullptr)));

  uint64_t clock = 0;
  const auto base_log = std::make_shared<storage::CrashStorage>(base_bytes);
  const auto top_log = std::make_shared<storage::CrashStorage>(top_bytes);
  const auto base_clock = std::make_shared<Clocked>(base_log, clock);
  const auto top_clock = std::make_shared<Clocked>(top_log, clock);
  const auto base = open_over(base_clock, nullptr);
  const auto top = open_over(top_clock, base);
  jobs::CommitJob job(top, 1, {});
  const auto done = loop().run(job.run());
  ASSERT_TRUE(done) << done.error().message();
  // Nothing of the top goes before all of the base is there.
  ASSERT_LT(base_clock->last_change, base_clock->last_flush);
  ASSERT_LT(base_clock->last_flush, top_clock->first_change);
  ASSERT_TRUE(loop().run(top->close()));
  ASSERT_TRUE(loop().run(base->close()));
  ASSERT_EQ(read_all(*node_of(top_log->bytes(), node_of(base_log->bytes(), nullptr))), before);

  storage::CrashStates base_states(base_log->log(), few_states());
  while (auto state = base_states.next()) {
    SCOPED_TRACE("base " + state->description);
    expect_sound(state->contents);
    ASSERT_EQ(read_all(*node_of(top_bytes, node_of(state->contents, nullptr))), before);
    if (HasFailure()) return;
  }
  storage::CrashStates top_states(top_log->log(), few_states());
  while (auto state = top_states.next()) {
    SCOPED_TRACE("top " + state->description);
    expect_sound(state->contents);
    ASSERT_EQ(read_all(*node_of(state->contents, node_of(base_log->bytes(), nullptr))), before);
    if (HasFailure()) return;
  }
  std::printf("%zu crash states\n", base_states.counts().states + top_states.counts().states);
}

TEST_P(ChainCrash, during_a_rebase_loses_nothing) {
  const auto old_bytes = filled(make_image(GetParam().base), nullptr, 1);
  const auto new_bytes = filled(make_image(GetParam().top), nullptr, 3);
  const auto top_bytes =
      filled(make_overlay(GetParam().top, "old"), node_of(old_bytes, nullptr), 2);
  const Bytes before = read_all(*node_of(top_bytes, node_of(old_bytes, nullptr)));

  const auto log = std::make_shared<storage::CrashStorage>(top_bytes);
  const auto top = open_over(log, node_of(old_bytes, nullptr));
  jobs::RebaseJob job(top, node_of(new_bytes, nullptr), {});
  ASSERT_TRUE(loop().run(job.run()));
  ASSERT_TRUE(loop().run(top->format().change_backing(format::BackingName{"new", "raw"})));
  ASSERT_TRUE(loop().run(top->close()));
  ASSERT_EQ(backing_named_in(log->bytes()), "new");

  storage::CrashStates states(log->log(), few_states());
  size_t over_new = 0;
  while (auto state = states.next()) {
    SCOPED_TRACE(state->description);
    expect_sound(state->contents);
    const bool is_new = backing_named_in(state->contents) == "new";
    over_new += is_new ? 1 : 0;
    const auto below = node_of(is_new ? new_bytes : old_bytes, nullptr);
    ASSERT_EQ(read_all(*node_of(state->contents, below)), before);
    if (HasFailure()) return;
  }
  EXPECT_GT(over_new, 0u);
  EXPECT_GT(states.counts().states, over_new);
  std::printf("%zu crash states\n", size_t{states.counts().states});
}

INSTANTIATE_TEST_SUITE_P(Workloads, ChainCrash, ::testing::ValuesIn(chain_workloads),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
