// Each change of a file that commit and rebase make fails in turn, once and from then on: the top
// over what its header names still reads as it did, both images are sound, and the error is told.
#include <gtest/gtest.h>

#include "chain_images.h"
#include "failing_storage.h"
#include "jobs/commit_job.h"
#include "jobs/rebase_job.h"

namespace oxbow::testing {
namespace {

async::Loop& loop() { return async::Loop::current_thread(); }

struct Failure {
  const char* name;
  int os_error;
  bool once;
};

class ChainFailures : public ::testing::TestWithParam<Failure> {
 protected:
  using Memory = std::shared_ptr<storage::MemoryStorage>;

  void SetUp() override {
    const ImageShape shape{.cluster_bits = 9, .bytes = 48 << 10};
    const ImageShape shorter{.cluster_bits = 10, .bytes = 40 << 10};
    old_ = filled(make_image(shorter), nullptr, 1);
    new_ = filled(make_image(shape), nullptr, 3);
    top_ = filled(make_overlay(shape, "old"), node_of(old_), 2);
    before_ = read_all(*open_over(memory_of(top_), node_of(old_)));
  }

  static Memory memory_of(const storage::SparseBytes& bytes) {
    return std::make_shared<storage::MemoryStorage>(bytes);
  }
  static std::shared_ptr<graph::Node> node_of(const storage::SparseBytes& bytes) {
    return open_over(memory_of(bytes), nullptr);
  }
  static storage::SparseBytes filled(storage::SparseBytes start, std::shared_ptr<graph::Node> below,
                                     uint32_t seed) {
    const Memory memory = memory_of(start);
    const auto node = open_over(memory, std::move(below));
    scribble(*node, seed, 20);
    EXPECT_TRUE(loop().run(node->close()));
    return memory->bytes();
  }
  static std::shared_ptr<FailingStorage> failing_at(const Memory& memory, int step) {
    return std::make_shared<FailingStorage>(memory, step, GetParam().os_error, GetParam().once);
  }

  void expect_whole(const Memory& top, const storage::SparseBytes& below) const {
    expect_sound(top->bytes());
    expect_sound(below);
    ASSERT_EQ(read_all(*open_over(top, node_of(below))), before_);
  }
  static void expect_told(const Result<void>& done) {
    if (!done) {
      EXPECT_EQ(done.error().as_errno(), GetParam().os_error) << done.error().message();
    }
  }

  storage::SparseBytes old_;
  storage::SparseBytes new_;
  storage::SparseBytes top_;
  Bytes before_;
};

TEST_P(ChainFailures, of_the_base_during_a_commit_cost_nothing) {
  int steps = 0;
  for (bool more = true; more && !HasFailure(); ++steps) {
    SCOPED_TRACE(steps);
    const Memory top_memory = memory_of(top_);
    const Memory base_memory = memory_of(old_);
    const auto failing = failing_at(base_memory, steps);
    const auto base = open_over(failing, nullptr);
    const auto top = open_over(top_memory, base);
    jobs::CommitJob job(top, 1, {});
    Result<void> done = loop().run(job.run());
    expect_told(done);
    (void)loop().run(top->close());
    const Result<void> closed = loop().run(base->close());
    if (done) done = closed;
    more = failing->failed();
    if (more && !GetParam().once) {
      EXPECT_FALSE(done);
    }
    expect_whole(top_memory, base_memory->bytes());
  }
  EXPECT_GT(steps, 20);
}

TEST_P(ChainFailures, of_the_top_during_a_commit_cost_nothing) {
  int steps = 0;
  for (bool more = true; more && !HasFailure(); ++steps) {
    SCOPED_TRACE(steps);
    const Memory top_memory = memory_of(top_);
    const Memory base_memory = memory_of(old_);
    const auto failing = failing_at(top_memory, steps);
    const auto base = open_over(base_memory, nullptr);
    const auto top = open_over(failing, base);
    jobs::CommitJob job(top, 1, {});
    expect_told(loop().run(job.run()));
    (void)loop().run(top->close());
    (void)loop().run(base->close());
    more = failing->failed();
    expect_whole(top_memory, base_memory->bytes());
  }
  EXPECT_GT(steps, 5);
}

TEST_P(ChainFailures, during_a_rebase_cost_nothing) {
  int steps = 0;
  for (bool more = true; more && !HasFailure(); ++steps) {
    SCOPED_TRACE(steps);
    const Memory memory = memory_of(top_);
    const auto failing = failing_at(memory, steps);
    const auto top = open_over(failing, node_of(old_));
    jobs::RebaseJob job(top, node_of(new_), {});
    Result<void> done = loop().run(job.run());
    if (done) {
      done = loop().run(top->format().change_backing(format::BackingName{"new", "raw"}));
    }
    expect_told(done);
    (void)loop().run(top->close());
    more = failing->failed();
    const bool is_new = backing_named_in(memory->bytes()) == "new";
    if (done) {
      EXPECT_TRUE(is_new);
    }
    expect_whole(memory, is_new ? new_ : old_);
  }
  EXPECT_GT(steps, 10);
}

INSTANTIATE_TEST_SUITE_P(Errors, ChainFailures,
                         ::testing::Values(Failure{"disk_full_once", ENOSPC, true},
                                           Failure{"disk_full", ENOSPC, false},
                                           Failure{"io_error_once", EIO, true},
                                           Failure{"io_error", EIO, false}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
