// The index of metadata clusters, held to a plain map, with and without room to live in.
#include "format/qcow2/metadata_index.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

namespace oxbow::format::qcow2 {
namespace {

using What = MetadataIndex::Found::What;
constexpr uint64_t chunk = MetadataIndex::chunk_clusters;

class Model {
 public:
  void enter(uint64_t first, uint64_t count, ClassMask classes) {
    for (uint64_t i = first; i < first + count; ++i) clusters_[i] |= classes;
  }
  void leave(uint64_t first, uint64_t count, ClassMask classes) {
    for (uint64_t i = first; i < first + count; ++i) {
      const auto found = clusters_.find(i);
      if (found != clusters_.end() && (found->second &= ~classes) == 0) clusters_.erase(found);
    }
  }
  // The first cluster of [first, last] with a wanted class.
  [[nodiscard]] std::optional<std::pair<uint64_t, ClassMask>> find(uint64_t first, uint64_t last,
                                                                   ClassMask wanted) const {
    for (auto at = clusters_.lower_bound(first); at != clusters_.end() && at->first <= last; ++at) {
      if ((at->second & wanted) != 0) return *at;
    }
    return std::nullopt;
  }
  [[nodiscard]] size_t size() const { return clusters_.size(); }

 private:
  std::map<uint64_t, ClassMask> clusters_;
};

struct Load {
  const char* name;
  uint64_t clusters;     // of the file
  uint64_t longest;      // run that enters or leaves at once
  uint64_t limit;        // bytes
  unsigned leave_share;  // of 100 steps
};

const Load loads[] = {
    {"sparse", 64 * chunk, 3, UINT64_MAX, 30},
    {"one_chunk_grows_dense", chunk, 300, UINT64_MAX, 10},
    {"dense_and_back", 2 * chunk, 3000, UINT64_MAX, 50},
    {"little_room", 64 * chunk, 3, 2000, 30},
    {"hardly_any_room", 64 * chunk, 3, 300, 30},
    {"no_room", 8 * chunk, 3, 0, 30},
    {"too_small_for_a_dense_chunk", chunk, 300, 66000, 10},
};

class IndexModel : public ::testing::TestWithParam<Load> {};

TEST_P(IndexModel, answers_like_a_map_or_says_that_it_cannot) {
  const Load& load = GetParam();
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::set<uint64_t> lost;
    uint64_t lost_from = UINT64_MAX;
    MetadataIndex index(load.limit, [&](uint64_t first, uint64_t count) {
      if (count == 0) {
        EXPECT_EQ(lost_from, UINT64_MAX) << "told twice";
        lost_from = first;
      } else {
        EXPECT_TRUE(lost.insert(first / chunk).second) << "told twice";
      }
    });
    Model model;
    for (int step = 0; step < 4000; ++step) {
      const uint64_t first = random() % load.clusters;
      const uint64_t count = 1 + random() % load.longest;
      // Six classes make 63 sets: each keeps a code of its own.
      const auto one = static_cast<ClassMask>(1U << random() % 6);
      if (random() % 100 < load.leave_share) {
        const ClassMask classes = random() % 2 == 0 ? one : every_class;
        index.leave(first, count, classes);
        model.leave(first, count, classes);
      } else {
        index.enter(first, count, one);
        model.enter(first, count, one);
      }
      const uint64_t from = random() % load.clusters;
      const uint64_t to = from + random() % (step % 50 == 0 ? load.clusters : 4);
      const auto wanted = static_cast<ClassMask>(random() % (every_class + 1));
      const auto expected = model.find(from, to, wanted);
      const auto found = index.find(from, to, wanted);
      if (found.what == What::unknown) {
        const uint64_t in = found.cluster / chunk;
        EXPECT_TRUE(lost.contains(in) || found.cluster >= lost_from) << found.cluster;
        EXPECT_TRUE(!expected || expected->first >= found.cluster);
        continue;
      }
      ASSERT_EQ(found.what == What::metadata, expected.has_value()) << from << " to " << to;
      if (!expected) continue;
      EXPECT_EQ(found.cluster, expected->first);
      EXPECT_EQ(found.classes, expected->second);
    }
    EXPECT_LE(index.bytes(), load.limit);
    EXPECT_EQ(index.complete(), lost.empty() && lost_from == UINT64_MAX);
  }
}

INSTANTIATE_TEST_SUITE_P(Loads, IndexModel, ::testing::ValuesIn(loads),
                         [](const auto& info) { return info.param.name; });

// A fully allocated image of 1 TiB at 64 KiB clusters: an L2 table every 8,192 clusters and a
// refcount block every 32,768.
TEST(MetadataIndex, takes_at_most_16_kB_for_a_full_tebibyte) {
  MetadataIndex index(UINT64_MAX);
  const uint64_t clusters = (uint64_t{1} << 40) >> 16;
  for (uint64_t at = 0; at < clusters; at += 8192) {
    index.enter(at, 1, class_bit(Writes::active_l2));
    if (at % 32768 == 0) index.enter(at + 1, 1, class_bit(Writes::refcount_block));
  }
  EXPECT_LE(index.bytes(), 16000u);
}

TEST(MetadataIndex, takes_no_more_than_a_byte_a_cluster_where_everything_is_metadata) {
  MetadataIndex index(UINT64_MAX);
  index.enter(0, 4 * chunk, class_bit(Writes::active_l2));
  EXPECT_LE(index.bytes(), 4 * chunk + 200);
  index.leave(0, 4 * chunk, every_class);
  EXPECT_LE(index.bytes(), 200u);
}

TEST(MetadataIndex, protects_more_and_never_less_when_the_sets_of_classes_run_out) {
  MetadataIndex index(UINT64_MAX);
  for (uint64_t mask = 1; mask <= every_class; ++mask) {
    index.enter(mask * 10, 1, static_cast<ClassMask>(mask));
  }
  for (uint64_t mask = 1; mask <= every_class; ++mask) {
    EXPECT_EQ(index.classes_of(mask * 10) & mask, mask);
    EXPECT_EQ(index.classes_of(mask * 10 + 1), 0);
  }
}

TEST(MetadataIndex, finds_the_same_at_the_edges_of_a_chunk) {
  MetadataIndex index(UINT64_MAX);
  index.enter(chunk - 1, 2, class_bit(Writes::active_l1));
  EXPECT_EQ(index.find(0, 10 * chunk, every_class).cluster, chunk - 1);
  EXPECT_EQ(index.find(chunk, 10 * chunk, every_class).cluster, chunk);
  EXPECT_EQ(index.find(chunk + 1, 10 * chunk, every_class).what, What::nothing);
  EXPECT_EQ(index.find(0, chunk - 2, every_class).what, What::nothing);
}

}  // namespace
}  // namespace oxbow::format::qcow2
