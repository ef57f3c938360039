// Commit: what reaches the layer below, and what does not.
#include "jobs/commit_job.h"

#include <gtest/gtest.h>

#include "chain_images.h"
#include "plain_format.h"

namespace oxbow::testing {
namespace {

struct Disk {
  explicit Disk(uint64_t bytes, std::shared_ptr<graph::Node> below = nullptr)
      : memory(std::make_shared<storage::MemoryStorage>(make_image({.bytes = bytes}))),
        node(open_over(memory, std::move(below))) {}

  void write(uint64_t offset, uint64_t length, uint8_t pattern) const {
    Bytes data(length, std::byte{pattern});
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE(loop().run(node->write(offset, IoSpan(&part, 1))));
  }
  [[nodiscard]] format::RunKind kind_at(uint64_t offset) const {
    const auto run = loop().run(node->format().map(offset, 512));
    EXPECT_TRUE(run);
    return run->kind;
  }

  std::shared_ptr<storage::MemoryStorage> memory;
  std::shared_ptr<graph::Node> node;
};

Result<void> commit(const Disk& top, unsigned depth = 1, CommitOptions options = {}) {
  jobs::CommitJob job(top.node, depth, std::move(options));
  return loop().run(job.run());
}

TEST(CommitJob, moves_what_the_top_says_and_empties_it) {
  const Disk base(1 << 20);
  const Disk top(1 << 20, base.node);
  base.write(0, 4 * chain_cluster, 1);
  top.write(chain_cluster, chain_cluster, 2);
  const Bytes before = read_all(*top.node);
  ASSERT_TRUE(commit(top));
  EXPECT_EQ(read_all(*base.node), before);
  EXPECT_EQ(read_all(*top.node), before);
  EXPECT_EQ(top.kind_at(chain_cluster), format::RunKind::hole);
  EXPECT_EQ(base.kind_at(8 * chain_cluster), format::RunKind::hole);
}

// Emptying the disk's tables took those behind them along.
TEST(CommitJob, keeps_the_vm_state_of_the_top) {
  const Disk base(1 << 20);
  const Disk top(1 << 20, base.node);
  top.write(chain_cluster, chain_cluster, 2);
  Bytes state(3 * chain_cluster, std::byte{7});
  const iovec part{state.data(), state.size()};
  ASSERT_TRUE(loop().run(top.node->write_vm_state(100, IoSpan(&part, 1))));
  ASSERT_TRUE(commit(top));
  EXPECT_EQ(top.kind_at(chain_cluster), format::RunKind::hole);
  ASSERT_TRUE(loop().run(top.node->close()));
  const auto again = open_over(top.memory, base.node);
  Bytes seen(state.size());
  const iovec into{seen.data(), seen.size()};
  ASSERT_TRUE(loop().run(again->read_vm_state(100, IoSpan(&into, 1))));
  EXPECT_EQ(seen, state);
  const CheckResult found = check_bytes(top.memory->bytes());
  EXPECT_EQ(found.corruptions + found.leaks + found.check_errors, 0u);
}

TEST(CommitJob, leaves_the_top_alone_where_that_is_asked_for) {
  const Disk base(1 << 20);
  const Disk top(1 << 20, base.node);
  top.write(chain_cluster, chain_cluster, 2);
  CommitOptions options;
  options.keep_top = true;
  ASSERT_TRUE(commit(top, 1, options));
  EXPECT_EQ(top.kind_at(chain_cluster), format::RunKind::data);
  EXPECT_EQ(base.kind_at(chain_cluster), format::RunKind::data);
}

TEST(CommitJob, writes_zeroes_of_the_top_as_zeroes) {
  const Disk base(1 << 20);
  const Disk top(1 << 20, base.node);
  base.write(0, 4 * chain_cluster, 1);
  ASSERT_TRUE(loop().run(top.node->write_zeroes(chain_cluster, chain_cluster, {})));
  top.write(2 * chain_cluster, chain_cluster, 0);
  ASSERT_TRUE(commit(top));
  EXPECT_EQ(base.kind_at(chain_cluster), format::RunKind::zero);
  EXPECT_EQ(base.kind_at(2 * chain_cluster), format::RunKind::data);
}

TEST(CommitJob, into_the_middle_takes_the_layers_between_along) {
  const Disk base(1 << 20);
  const Disk middle(1 << 20, base.node);
  const Disk top(1 << 20, middle.node);
  base.write(0, 8 * chain_cluster, 1);
  middle.write(chain_cluster, 2 * chain_cluster, 2);
  top.write(2 * chain_cluster, 2 * chain_cluster, 3);
  const Bytes before = read_all(*top.node);
  CommitOptions options;
  options.keep_top = true;
  ASSERT_TRUE(commit(top, 2, options));
  EXPECT_EQ(read_all(*base.node), before);
  EXPECT_EQ(middle.kind_at(3 * chain_cluster), format::RunKind::hole);
}

// What the top does not say, and the layer between is too short for, reads as zeroes.
TEST(CommitJob, past_a_short_layer_between_hides_what_the_base_holds_there) {
  const Disk base(1 << 20);
  const Disk middle(512 << 10, base.node);
  const Disk top(1 << 20, middle.node);
  base.write(0, 1 << 20, 1);
  const Bytes before = read_all(*top.node);
  CommitOptions options;
  options.keep_top = true;
  ASSERT_TRUE(commit(top, 2, options));
  EXPECT_EQ(read_all(*base.node), before);
}

TEST(CommitJob, makes_a_shorter_base_as_long_as_the_top) {
  const Disk base(512 << 10);
  const Disk top(1 << 20, base.node);
  top.write(900 << 10, chain_cluster, 2);
  const Bytes before = read_all(*top.node);
  ASSERT_TRUE(commit(top));
  EXPECT_EQ(base.node->virtual_size(), 1u << 20);
  EXPECT_EQ(read_all(*base.node), before);
}

TEST(CommitJob, keeps_what_a_longer_base_holds_behind_the_top) {
  const Disk base(1 << 20);
  const Disk top(512 << 10, base.node);
  base.write(900 << 10, chain_cluster, 1);
  top.write(0, chain_cluster, 2);
  ASSERT_TRUE(commit(top));
  EXPECT_EQ(base.node->virtual_size(), 1u << 20);
  EXPECT_EQ(read_all(*base.node)[910 << 10], std::byte{1});
}

TEST(CommitJob, frees_what_the_top_held) {
  const Disk base(1 << 20);
  const Disk top(1 << 20, base.node);
  top.write(0, 1 << 20, 2);
  ASSERT_TRUE(commit(top));
  ASSERT_TRUE(loop().run(top.node->close()));
  const CheckResult found = check_bytes(top.memory->bytes());
  EXPECT_EQ(found.corruptions + found.leaks, 0u);
}

TEST(CommitJob, leaves_a_format_alone_that_cannot_be_emptied) {
  const auto raw = raw_node(Bytes(1 << 20, std::byte{1}));
  jobs::PlainNode top(1 << 20, chain_cluster, raw);
  top.fill(0, chain_cluster, 2);
  jobs::CommitJob job(top.node, 1, {});
  ASSERT_TRUE(loop().run(job.run()));
  EXPECT_EQ(read_all(*raw)[0], std::byte{2});
  EXPECT_EQ(read_all(*top.node)[0], std::byte{2});
}

TEST(CommitJob, says_what_it_was_doing_when_it_failed) {
  const auto raw = raw_node(Bytes(1 << 20, std::byte{1}));
  jobs::PlainNode top(1 << 20, chain_cluster, raw);
  top.fill(0, chain_cluster, 2);
  top.format->bad_sector = 0;
  CommitStep step = CommitStep::open_base;
  CommitOptions options;
  options.failed_step = &step;
  jobs::CommitJob job(top.node, 1, options);
  ASSERT_FALSE(loop().run(job.run()));
  EXPECT_EQ(step, CommitStep::copy);
}

}  // namespace
}  // namespace oxbow::testing
