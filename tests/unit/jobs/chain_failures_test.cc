// Each change of a file that commit and rebase make fails in turn, once and from then on: the top
// over what its header names still reads as it did, both images are sound, and the error is told.
#include <gtest/gtest.h>

#include "chain_images.h"
#include "each_failure.h"
#include "jobs/commit_job.h"
#include "jobs/rebase_job.h"
#include "stock_check.h"

namespace oxbow::testing {
namespace {

class ChainFailures : public ::testing::Test {
 protected:
  void SetUp() override {
    const ImageShape shape{.cluster_bits = 9, .bytes = 48 << 10};
    const ImageShape shorter{.cluster_bits = 10, .bytes = 40 << 10};
    old_ = filled(make_image(shorter), nullptr, 1);
    new_ = filled(make_image(shape), nullptr, 3);
    top_ = filled(make_overlay(shape, "old"), node_of(old_), 2);
    before_ = contents(top_, node_of(old_));
  }

  static std::shared_ptr<graph::Node> node_of(const storage::SparseBytes& bytes,
                                              std::shared_ptr<graph::Node> below = nullptr) {
    return open_over(std::make_shared<storage::MemoryStorage>(bytes), std::move(below));
  }
  static storage::SparseBytes filled(storage::SparseBytes start, std::shared_ptr<graph::Node> below,
                                     uint32_t seed) {
    const auto memory = std::make_shared<storage::MemoryStorage>(std::move(start));
    const auto node = open_over(memory, std::move(below));
    scribble(*node, seed, 20);
    EXPECT_TRUE(loop().run(node->close()));
    return memory->bytes();
  }
  static Bytes contents(const storage::SparseBytes& bytes, std::shared_ptr<graph::Node> below) {
    const auto node = node_of(bytes, std::move(below));
    return node ? read_all(*node) : Bytes();
  }

  storage::SparseBytes old_;
  storage::SparseBytes new_;
  storage::SparseBytes top_;
  Bytes before_;
};

Result<void> commit(const std::shared_ptr<graph::Node>& top, unsigned depth, bool keep) {
  CommitOptions options;
  options.keep_top = keep;
  jobs::CommitJob job(top, depth, std::move(options));
  return loop().run(job.run());
}

TEST_F(ChainFailures, during_a_commit_cost_nothing) {
  const auto run = [](const FailingFiles& files) -> Result<void> {
    const auto base = open_node(files.file(1), nullptr);
    if (!base) return std::unexpected(base.error());
    const auto top = open_node(files.file(0), *base);
    if (!top) return std::unexpected(top.error());
    const Result<void> done = commit(*top, 1, false);
    return first_of({done, loop().run((*top)->close()), loop().run((*base)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    for (const size_t which : {0, 1}) {
      expect_sound(files.bytes(which));
      if (files.chosen()) expect_stock_agrees(files.bytes(which));
    }
    ASSERT_EQ(contents(files.bytes(0), node_of(files.bytes(1))), before_);
    if (done) {
      EXPECT_EQ(contents(files.bytes(1), nullptr), before_);
    }
  };
  expect_failures_survived({{top_, 5}, {old_, 20}}, run, look);
}

// What stands between is not emptied, and hides nothing.
TEST_F(ChainFailures, during_a_commit_past_a_layer_cost_nothing) {
  const ImageShape shape{.cluster_bits = 9, .bytes = 48 << 10};
  const auto middle = top_;
  const auto upper = filled(make_overlay(shape, "middle"), node_of(middle, node_of(old_)), 5);
  const Bytes before = contents(upper, node_of(middle, node_of(old_)));
  const auto run = [](const FailingFiles& files) -> Result<void> {
    const auto base = open_node(files.file(2), nullptr);
    if (!base) return std::unexpected(base.error());
    const auto between = open_node(files.file(1), *base);
    if (!between) return std::unexpected(between.error());
    const auto top = open_node(files.file(0), *between);
    if (!top) return std::unexpected(top.error());
    const Result<void> done = commit(*top, 2, true);
    return first_of({done, loop().run((*top)->close()), loop().run((*between)->close()),
                     loop().run((*base)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    for (const size_t which : {0, 1, 2}) expect_sound(files.bytes(which));
    ASSERT_EQ(contents(files.bytes(0), node_of(files.bytes(1), node_of(files.bytes(2)))), before);
    if (done) {
      EXPECT_EQ(contents(files.bytes(2), nullptr), before);
    }
  };
  expect_failures_survived({{upper, 0}, {middle, 0}, {old_, 20}}, run, look);
}

TEST_F(ChainFailures, during_a_rebase_cost_nothing) {
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    const auto top = open_node(files.file(), node_of(old_));
    if (!top) return std::unexpected(top.error());
    jobs::RebaseJob job(*top, node_of(new_), {});
    Result<void> done = loop().run(job.run());
    if (done) {
      done = loop().run((*top)->format().change_backing(format::BackingName{"new", "raw"}));
    }
    return first_of({done, loop().run((*top)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    const bool is_new = backing_named_in(files.bytes()) == "new";
    if (done) {
      EXPECT_TRUE(is_new);
    }
    expect_sound(files.bytes());
    ASSERT_EQ(contents(files.bytes(), node_of(is_new ? new_ : old_)), before_);
  };
  expect_failures_survived({{top_, 10}}, run, look);
}

TEST_F(ChainFailures, during_a_rebase_onto_nothing_cost_nothing) {
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    const auto top = open_node(files.file(), node_of(old_));
    if (!top) return std::unexpected(top.error());
    jobs::RebaseJob job(*top, nullptr, {});
    Result<void> done = loop().run(job.run());
    if (done) done = loop().run((*top)->format().change_backing(std::nullopt));
    return first_of({done, loop().run((*top)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    const bool alone = backing_named_in(files.bytes()).empty();
    if (done) {
      EXPECT_TRUE(alone);
    }
    expect_sound(files.bytes());
    ASSERT_EQ(contents(files.bytes(), alone ? nullptr : node_of(old_)), before_);
  };
  expect_failures_survived({{top_, 10}}, run, look);
}

}  // namespace
}  // namespace oxbow::testing
