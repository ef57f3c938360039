// Compressed writes: contents, counts of shared host clusters, what replaces them, what is refused.
#include <gtest/gtest.h>

#include <random>

#include "each_failure.h"
#include "image_fixture.h"

namespace oxbow::testing {
namespace {

using Bytes = std::vector<std::byte>;

enum class Fill { text, noise };

Bytes contents(size_t size, Fill fill, uint32_t seed = 1) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(fill == Fill::noise ? random() : (i * seed / 5) % 61 + i % 3);
  }
  return bytes;
}

Result<void> put(TestImage& image, uint64_t offset, const Bytes& bytes) {
  const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  return image.run(image.node().write(offset, IoSpan(&part, 1)));
}

Result<void> put_compressed(TestImage& image, uint64_t offset, const Bytes& bytes) {
  const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  return image.run(image.node().write_compressed(offset, IoSpan(&part, 1)));
}

Bytes get(TestImage& image, uint64_t offset, size_t length) {
  Bytes bytes(length);
  const iovec part{bytes.data(), length};
  EXPECT_TRUE(image.run(image.node().read(offset, IoSpan(&part, 1))));
  return bytes;
}

format::RunKind kind_at(TestImage& image, uint64_t offset) {
  const auto run = loop().run(image.node().status_here(offset, 1));
  EXPECT_TRUE(run);
  return run ? run->kind : format::RunKind::hole;
}

format::qcow2::Qcow2Image& engine(TestImage& image) {
  return dynamic_cast<format::qcow2::Qcow2Image&>(image.node().format());
}

const ImageShape compressed_shapes[] = {
    {.cluster_bits = 9, .bytes = 100 << 10},
    {.cluster_bits = 12, .refcount_order = 0, .bytes = 300 << 10},
    {.cluster_bits = 12, .refcount_order = 1, .bytes = 300 << 10},
    {.version = 2, .cluster_bits = 16, .bytes = 2 << 20},
    {.cluster_bits = 16, .extended_l2 = true, .bytes = 2 << 20},
    {.cluster_bits = 16, .lazy_refcounts = true, .bytes = (2 << 20) + 512},
    {.cluster_bits = 21, .bytes = (5 << 20) + 1024},
};

class Compressed : public ::testing::TestWithParam<ImageShape> {};

TEST_P(Compressed, reads_back_and_is_clean) {
  TestImage image(GetParam());
  const Bytes all = contents(image.size(), Fill::text);
  ASSERT_TRUE(put_compressed(image, 0, all));
  EXPECT_EQ(kind_at(image, 0), format::RunKind::compressed);
  EXPECT_TRUE(get(image, 0, image.size()) == all);
  image.expect_guard_exact();
  image.reopen();
  EXPECT_TRUE(get(image, 0, image.size()) == all);
  image.close();
  image.expect_clean();
}

TEST_P(Compressed, what_does_not_shrink_is_stored_plainly) {
  TestImage image(GetParam());
  const Bytes noise = contents(image.cluster_size(), Fill::noise);
  ASSERT_TRUE(put_compressed(image, 0, noise));
  EXPECT_EQ(kind_at(image, 0), format::RunKind::data);
  EXPECT_TRUE(get(image, 0, noise.size()) == noise);
  image.close();
  image.expect_clean();
}

TEST_P(Compressed, is_overwritten_in_part_zeroed_and_discarded) {
  TestImage image(GetParam());
  const uint64_t cluster = image.cluster_size();
  Bytes all = contents(image.size(), Fill::text);
  ASSERT_TRUE(put_compressed(image, 0, all));
  const Bytes some = contents(100, Fill::noise);
  ASSERT_TRUE(put(image, cluster / 2, some));
  std::ranges::copy(some, all.begin() + static_cast<ptrdiff_t>(cluster / 2));
  ASSERT_TRUE(image.run(image.node().write_zeroes(cluster, cluster)));
  std::fill_n(all.begin() + static_cast<ptrdiff_t>(cluster), cluster, std::byte{0});
  EXPECT_TRUE(get(image, 0, image.size()) == all);
  ASSERT_TRUE(image.run(image.node().discard(0, image.size())));
  ASSERT_TRUE(image.run(image.node().flush()));
  // Everything is free again, and what is packed next begins anew.
  const Bytes again = contents(cluster, Fill::text, 3);
  ASSERT_TRUE(put_compressed(image, 0, again));
  EXPECT_TRUE(get(image, 0, cluster) == again);
  image.close();
  image.expect_clean();
}

TEST_P(Compressed, replaces_nothing) {
  TestImage image(GetParam());
  const uint64_t cluster = image.cluster_size();
  const Bytes first = contents(cluster, Fill::text, 2);
  ASSERT_TRUE(put_compressed(image, 0, first));
  ASSERT_TRUE(put(image, cluster, first));
  for (const uint64_t at : {uint64_t{0}, cluster}) {
    const auto done = put_compressed(image, at, contents(cluster, Fill::text, 5));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind(), ErrorKind::exists);
    EXPECT_EQ(done.error().as_errno(), EIO);
  }
  EXPECT_TRUE(get(image, 0, cluster) == first);
  image.close();
  image.expect_clean();
}

TEST_P(Compressed, is_written_whole_or_not_at_all) {
  TestImage image(GetParam());
  const uint64_t cluster = image.cluster_size();
  for (const auto& [offset, length] : {std::pair{uint64_t{0}, cluster / 2},
                                       {cluster / 2, cluster},
                                       {uint64_t{0}, cluster * 3 / 2}}) {
    const auto done = put_compressed(image, offset, contents(length, Fill::text));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().as_errno(), EINVAL);
  }
  EXPECT_EQ(kind_at(image, 0), format::RunKind::hole);
}

TEST_P(Compressed, a_snapshot_keeps_it) {
  if (GetParam().refcount_order == 0) return;  // no room for a second reference
  TestImage image(GetParam());
  const uint64_t cluster = image.cluster_size();
  const Bytes before = contents(cluster * 2, Fill::text, 7);
  ASSERT_TRUE(put_compressed(image, 0, before));
  format::qcow2::Snapshot snapshot;
  snapshot.name = "s";
  const auto taken = image.run(engine(image).create_snapshot(std::move(snapshot)));
  if (!taken) {  // counts of 2 bits: the clusters are shared too often already
    EXPECT_EQ(taken.error().kind(), ErrorKind::unsupported);
    image.close();
    image.expect_clean();
    return;
  }
  ASSERT_TRUE(put(image, 0, contents(cluster, Fill::noise)));
  ASSERT_TRUE(image.run(engine(image).apply_snapshot("s", format::qcow2::SnapshotKey::name)));
  EXPECT_TRUE(get(image, 0, cluster * 2) == before);
  ASSERT_TRUE(image.run(engine(image).delete_snapshot("s", format::qcow2::SnapshotKey::name)));
  EXPECT_TRUE(get(image, 0, cluster * 2) == before);
  image.close();
  image.expect_clean();
}

TEST_P(Compressed, by_the_nodes_own_mode_where_nothing_was) {
  TestImage image(GetParam());
  image.node().set_compress(true);
  const uint64_t cluster = image.cluster_size();
  Bytes all = contents(cluster * 2, Fill::text, 9);
  ASSERT_TRUE(put(image, 0, all));
  EXPECT_EQ(kind_at(image, cluster), format::RunKind::compressed);
  const Bytes other = contents(cluster + 100, Fill::text, 4);
  ASSERT_TRUE(put(image, 0, other));
  EXPECT_EQ(kind_at(image, 0), format::RunKind::data);
  std::ranges::copy(other, all.begin());
  EXPECT_TRUE(get(image, 0, all.size()) == all);
  image.close();
  image.expect_clean();
}

INSTANTIATE_TEST_SUITE_P(Shapes, Compressed, ::testing::ValuesIn(compressed_shapes));

TEST(CompressedClusters, lie_one_behind_the_other) {
  TestImage image({.bytes = 4 << 20});
  ASSERT_TRUE(put_compressed(image, 0, Bytes(4 << 20, std::byte{7})));
  const uint64_t clusters = image.close_and_take().size() >> 16;
  EXPECT_LE(clusters, 6u);  // header, two for refcounts, L1, L2, and all of the data
}

TEST(CompressedClusters, a_place_that_was_freed_is_read_anew) {
  TestImage image({.cluster_bits = 12, .bytes = 64 << 10});
  for (uint32_t seed = 1; seed < 20; ++seed) {
    // The same packed length at the same place, other contents: the entry is the same.
    Bytes bytes(4096, static_cast<std::byte>(seed));
    ASSERT_TRUE(put_compressed(image, 0, bytes));
    bytes.resize(100);
    EXPECT_TRUE(get(image, 500, 100) == bytes);
    ASSERT_TRUE(image.run(image.node().discard(0, 4096)));
    ASSERT_TRUE(image.run(image.node().flush()));
  }
}

// Two halves of a cluster, written at once: neither fills the cluster up with what the other
// replaces.
TEST(CompressingNode, fills_parts_up_to_clusters_and_loses_none) {
  for (const Fill fill : {Fill::text, Fill::noise}) {
    TestImage image({.cluster_bits = 16, .bytes = 1 << 20});
    image.node().set_compress(true);
    const Bytes first = contents(20000, fill, 2);
    const Bytes second = contents(30000, fill, 3);
    Result<void> ends[2];
    const iovec parts[] = {{const_cast<std::byte*>(first.data()), first.size()},
                           {const_cast<std::byte*>(second.data()), second.size()}};
    loop().spawn(image.node().write(65536, IoSpan(&parts[0], 1)),
                 [&](Result<void> end) { ends[0] = end; });
    loop().spawn(image.node().write(65536 + 35000, IoSpan(&parts[1], 1)),
                 [&](Result<void> end) { ends[1] = end; });
    loop().drain();
    EXPECT_TRUE(ends[0] && ends[1]);
    EXPECT_TRUE(get(image, 65536, first.size()) == first);
    EXPECT_TRUE(get(image, 65536 + 35000, second.size()) == second);
    EXPECT_TRUE(get(image, 65536 + 20000, 15000) == Bytes(15000));
    image.close();
    image.expect_clean();
  }
}

TEST(CompressingNode, compresses_a_part_where_nothing_was) {
  TestImage image({.cluster_bits = 16, .bytes = (1 << 20) + 1000});
  image.node().set_compress(true);
  ASSERT_TRUE(put(image, 5000, contents(100, Fill::text)));
  ASSERT_TRUE(put(image, (1 << 20) + 500, contents(500, Fill::text)));
  EXPECT_EQ(kind_at(image, 0), format::RunKind::compressed);
  EXPECT_EQ(kind_at(image, 1 << 20), format::RunKind::compressed);
  EXPECT_EQ(kind_at(image, 65536), format::RunKind::hole);
  image.close();
  image.expect_clean();
}

// Compressed clusters, plain ones over them, discards and snapshots' worth of flushes; what fails
// may be old or new.
struct ExpectedUnits {
  std::vector<uint8_t> now;
  std::vector<bool> unsure;
  Result<void> done;  ///< or the first that failed
};

ExpectedUnits work(graph::Node& node, uint64_t cluster, uint64_t clusters) {
  async::Loop& loop = async::Loop::current_thread();
  ExpectedUnits expected{std::vector<uint8_t>(clusters), std::vector<bool>(clusters), {}};
  const auto note = [&expected](const Result<void>& done) {
    if (expected.done) expected.done = done;
  };
  for (uint64_t i = 0; i < 3 * clusters; ++i) {
    const uint64_t at = i * 7 % clusters;
    const auto value = static_cast<uint8_t>(i + 1);
    Bytes bytes(cluster, static_cast<std::byte>(value));
    const iovec part{bytes.data(), bytes.size()};
    const bool whole = i % 5 != 4;
    const auto done = whole ? loop.run(node.write(at * cluster, IoSpan(&part, 1)))
                            : loop.run(node.write_zeroes(at * cluster, cluster, {true}));
    note(done);
    if (done) {
      expected.now[at] = whole ? value : 0;
      expected.unsure[at] = false;
    } else {
      expected.unsure[at] = true;
    }
    if (i % 11 == 10) note(loop.run(node.flush()));
  }
  return expected;
}

TEST(CompressedClusters, survive_each_write_that_fails) {
  constexpr uint64_t cluster = 512;
  constexpr uint64_t clusters = 40;
  async::Loop& loop = async::Loop::current_thread();
  ExpectedUnits expected;
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    auto node = open_node(files.file(), nullptr);
    if (!node) return std::unexpected(node.error());
    (*node)->set_compress(true);
    expected = work(**node, cluster, clusters);
    return first_of({expected.done, loop.run((*node)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>&) {
    std::string first;
    const CheckResult found = check_bytes(files.bytes(), &first);
    ASSERT_EQ(found.corruptions + found.check_errors, 0u) << first;
    auto again = open_node(std::make_unique<storage::MemoryStorage>(files.bytes()), nullptr);
    ASSERT_TRUE(again);
    const Bytes seen = read_all(**again);
    for (uint64_t i = 0; i < clusters; ++i) {
      if (expected.unsure[i]) continue;
      ASSERT_EQ(std::to_integer<int>(seen[i * cluster + 100]), expected.now[i]) << "cluster " << i;
    }
    ASSERT_TRUE(loop.run((*again)->close()));
  };
  expect_failures_survived({{make_image({.cluster_bits = 9, .bytes = cluster * clusters}), 50}},
                           run, look);
}

TEST(UnpackedCache, keeps_what_was_asked_for_last) {
  format::qcow2::UnpackedCache cache(3 * 4096, 4096);
  const auto plain = std::make_shared<const Buffer>();
  for (uint64_t entry = 1; entry <= 3; ++entry) cache.put(entry, plain);
  EXPECT_NE(cache.find(1), nullptr);
  cache.put(4, plain);
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_EQ(cache.size(), 3u);
  cache.drop(1);
  EXPECT_EQ(cache.find(1), nullptr);
}

}  // namespace
}  // namespace oxbow::testing
