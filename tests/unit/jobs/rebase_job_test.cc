// Rebase: what is written into the image, and what is neither written nor read.
#include "jobs/rebase_job.h"

#include <gtest/gtest.h>

#include "chain_images.h"
#include "plain_format.h"

namespace oxbow::testing {
namespace {

/// Says what was done to it.
struct Plain {
  explicit Plain(uint64_t size, const std::string& name) {
    auto made = std::make_unique<jobs::PlainFormat>(size, 0, name);
    format = made.get();
    node = std::make_shared<graph::Node>(std::move(made), nullptr);
  }
  void write(uint64_t offset, uint64_t length, uint8_t pattern) const {
    Bytes data(length, std::byte{pattern});
    const iovec part{data.data(), data.size()};
    ASSERT_TRUE(loop().run(node->write(offset, IoSpan(&part, 1))));
    format->done.clear();
  }
  jobs::PlainFormat* format;
  std::shared_ptr<graph::Node> node;
};

struct Overlay {
  explicit Overlay(std::shared_ptr<graph::Node> below, uint64_t bytes = 1 << 20)
      : node(open_over(std::make_shared<storage::MemoryStorage>(make_image({.bytes = bytes})),
                       std::move(below))) {}
  [[nodiscard]] format::RunKind kind_at(uint64_t offset) const {
    const auto run = loop().run(node->format().map(offset, 512));
    EXPECT_TRUE(run);
    return run->kind;
  }
  std::shared_ptr<graph::Node> node;
};

Result<void> rebase(const Overlay& image, std::shared_ptr<graph::Node> below) {
  jobs::RebaseJob job(image.node, std::move(below), {});
  return loop().run(job.run());
}

TEST(RebaseJob, writes_whole_clusters_that_differ_and_no_others) {
  const Plain before(1 << 20, "before");
  const Plain after(1 << 20, "after");
  before.write(0, 4 * chain_cluster, 1);
  after.write(0, 4 * chain_cluster, 1);
  after.write(chain_cluster + 5000, 10, 2);
  const Overlay image(before.node);
  const Bytes contents = read_all(*image.node);
  ASSERT_TRUE(rebase(image, after.node));
  EXPECT_EQ(read_all(*image.node), contents);
  EXPECT_EQ(image.kind_at(0), format::RunKind::hole);
  EXPECT_EQ(image.kind_at(chain_cluster), format::RunKind::data);
  EXPECT_EQ(image.kind_at(2 * chain_cluster), format::RunKind::hole);
}

TEST(RebaseJob, compresses_what_it_copies_where_it_is_told_to) {
  const Plain before(1 << 20, "before");
  before.write(0, 4 * chain_cluster, 1);
  before.write((1 << 20) - 700, 700, 3);
  const Overlay image(before.node, (1 << 20) - 512);
  const Bytes contents = read_all(*image.node);
  jobs::RebaseJob job(image.node, nullptr, {.compress = true});
  ASSERT_TRUE(loop().run(job.run()));
  EXPECT_EQ(image.kind_at(0), format::RunKind::compressed);
  EXPECT_EQ(image.kind_at(3 * chain_cluster), format::RunKind::compressed);
  EXPECT_EQ(image.kind_at((1 << 20) - 1024), format::RunKind::compressed);
  EXPECT_EQ(image.kind_at(4 * chain_cluster), format::RunKind::hole);
  image.node->replace_backing(nullptr);
  EXPECT_EQ(read_all(*image.node), contents);
}

TEST(RebaseJob, reads_nothing_that_both_know_to_be_zero_or_the_image_holds) {
  const Plain before(1 << 20, "before");
  const Plain after(1 << 20, "after");
  before.write(0, chain_cluster, 1);
  const Overlay image(before.node);
  Bytes own(chain_cluster, std::byte{9});
  const iovec part{own.data(), own.size()};
  ASSERT_TRUE(loop().run(image.node->write(0, IoSpan(&part, 1))));
  before.format->done.clear();
  ASSERT_TRUE(rebase(image, after.node));
  EXPECT_TRUE(before.format->done.empty());
  EXPECT_TRUE(after.format->done.empty());
}

TEST(RebaseJob, to_nothing_reads_the_old_backing_file_alone) {
  const Plain before(1 << 20, "before");
  before.write(2 * chain_cluster, chain_cluster, 1);
  const Overlay image(before.node);
  const Bytes contents = read_all(*image.node);
  ASSERT_TRUE(rebase(image, nullptr));
  EXPECT_EQ(read_all(*image.node), contents);
  EXPECT_EQ(image.kind_at(0), format::RunKind::hole);
  EXPECT_EQ(image.kind_at(2 * chain_cluster), format::RunKind::data);
}

TEST(RebaseJob, hides_what_only_the_new_backing_file_holds) {
  const Plain before(512 << 10, "before");
  const Plain after(1 << 20, "after");
  after.write(chain_cluster, chain_cluster, 2);
  after.write(12 * chain_cluster, chain_cluster, 3);
  const Overlay image(before.node);
  ASSERT_TRUE(rebase(image, after.node));
  EXPECT_EQ(image.kind_at(chain_cluster), format::RunKind::data);       // as stock: zeroes as data
  EXPECT_EQ(image.kind_at(12 * chain_cluster), format::RunKind::zero);  // past the old one's end
  const Bytes contents = read_all(*image.node);
  EXPECT_EQ(contents[chain_cluster], std::byte{0});
  EXPECT_EQ(contents[12 * chain_cluster], std::byte{0});
}

TEST(RebaseJob, keeps_what_lies_past_the_end_of_a_shorter_new_backing_file) {
  const Plain before(1 << 20, "before");
  const Plain after(100000, "after");
  before.write(0, 1 << 20, 1);
  after.write(0, 100000, 1);
  const Overlay image(before.node);
  const Bytes contents = read_all(*image.node);
  ASSERT_TRUE(rebase(image, after.node));
  EXPECT_EQ(image.kind_at(0), format::RunKind::hole);
  EXPECT_EQ(image.kind_at(chain_cluster), format::RunKind::data);
  EXPECT_EQ(read_all(*image.node), contents);
}

TEST(RebaseJob, does_not_read_what_lies_in_the_same_file_for_both) {
  const Plain before(1 << 20, "the same");
  const Plain after(1 << 20, "the same");
  before.write(0, 1 << 20, 1);
  after.write(0, 1 << 20, 1);
  const Overlay image(before.node);
  ASSERT_TRUE(rebase(image, after.node));
  EXPECT_TRUE(before.format->done.empty());
  EXPECT_TRUE(after.format->done.empty());
}

TEST(RebaseJob, names_the_side_that_could_not_be_read) {
  const Plain before(1 << 20, "before");
  const Plain after(1 << 20, "after");
  before.write(0, chain_cluster, 1);
  after.write(0, chain_cluster, 2);
  before.format->bad_sector = 512;
  const Overlay image(before.node);
  Result<void> done = rebase(image, after.node);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "error while reading from old backing file");
  before.format->bad_sector = UINT64_MAX;
  after.format->bad_sector = 512;
  done = rebase(image, after.node);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "error while reading from new backing file");
}

TEST(RebaseJob, of_many_windows_keeps_all_of_them) {
  constexpr uint64_t size = 24 << 20;
  const Plain before(size, "before");
  const Plain after(size, "after");
  for (uint64_t at = 0; at + chain_cluster < size; at += 3 * chain_cluster + 512) {
    before.write(at, chain_cluster, static_cast<uint8_t>(1 + at / chain_cluster));
    if (at % 7 == 0) after.write(at, chain_cluster, static_cast<uint8_t>(1 + at / chain_cluster));
  }
  before.format->shuffle = true;
  const Overlay image(before.node, size);
  const Bytes contents = read_all(*image.node);
  ASSERT_TRUE(rebase(image, after.node));
  EXPECT_EQ(read_all(*image.node), contents);
}

}  // namespace
}  // namespace oxbow::testing
