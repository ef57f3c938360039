// The backing file's name and format in the header: changed together, with all else kept.
#include <gtest/gtest.h>

#include <set>

#include "image_fixture.h"
#include "storage/crash.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using format::BackingName;
using format::qcow2::Qcow2Image;
using Pair = std::optional<BackingName>;

struct RenamedShape {
  const char* name;
  ImageShape image;
  size_t long_name;  // bytes of the longest name of which two have room
};

const RenamedShape renamed_shapes[] = {
    {"v2_512", {.version = 2, .cluster_bits = 9, .bytes = 64 << 10}, 380},
    {"v3_512", {.cluster_bits = 9, .bytes = 64 << 10}, 340},
    {"v3_1k", {.cluster_bits = 10, .bytes = 64 << 10}, 400},
    {"v3_4k", {.cluster_bits = 12, .bytes = 64 << 10}, 1023},
    {"v2_64k", {.version = 2, .cluster_bits = 16}, 1023},
    {"v3_64k", {.cluster_bits = 16}, 1023},
    {"extended", {.cluster_bits = 16, .extended_l2 = true}, 1023},
};

std::vector<Pair> changes(size_t long_name) {
  const std::string name(long_name, 'n');
  return {
      BackingName{"a", "raw"},
      BackingName{"b.qcow2", "qcow2"},
      std::nullopt,
      BackingName{"c", std::nullopt},
      BackingName{name, "parallels"},
      BackingName{"d", "raw"},
      BackingName{name, "raw"},
      BackingName{std::string(long_name, 'm'), "qcow2"},
      std::nullopt,
      BackingName{name, "qcow2"},
      BackingName{name, "host_cdrom"},
      std::nullopt,
  };
}

Pair stated(const storage::SparseBytes& bytes) {
  storage::MemoryStorage file(bytes);
  const auto header = loop().run(format::qcow2::read_header(file, false));
  EXPECT_TRUE(header) << header.error().message();
  if (!header || header->backing_file.empty()) return std::nullopt;
  return BackingName{header->backing_file, header->backing_format};
}

uint32_t count_of(const Qcow2Image& image) {
  return image.header().bitmaps ? image.header().bitmaps->count : 0;
}

bool same(const Pair& one, const Pair& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return one->file == other->file && one->format == other->format;
}

class HeaderRewrite : public ::testing::TestWithParam<RenamedShape> {};

TEST_P(HeaderRewrite, states_the_new_pair_and_keeps_all_else) {
  const auto memory = std::make_shared<storage::MemoryStorage>(make_image(GetParam().image));
  storage::MemoryStorage before(memory->bytes());
  const auto old = loop().run(format::qcow2::read_header(before, false));
  ASSERT_TRUE(old);
  const auto node = open_over(memory);
  for (const Pair& pair : changes(GetParam().long_name)) {
    const auto done = loop().run(node->format().change_backing(pair));
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_TRUE(same(stated(memory->bytes()), pair));
    storage::MemoryStorage now(memory->bytes());
    const auto header = loop().run(format::qcow2::read_header(now, false));
    ASSERT_TRUE(header);
    ASSERT_EQ(header->feature_names.size(), old->feature_names.size());
    ASSERT_EQ(header->incompatible_features, old->incompatible_features);
    ASSERT_EQ(header->size, old->size);
    ASSERT_EQ(header->l1_table_offset, old->l1_table_offset);
  }
  ASSERT_TRUE(loop().run(node->close()));
  EXPECT_EQ(check_bytes(memory->bytes()).corruptions, 0u);
}

TEST_P(HeaderRewrite, keeps_extensions_that_come_in_between) {
  const ImageShape& shape = GetParam().image;
  if (shape.version < 3 || shape.cluster_bits < 16) GTEST_SKIP() << "no room for bitmaps";
  const auto memory = std::make_shared<storage::MemoryStorage>(make_image(shape));
  auto node = open_over(memory);
  for (const Pair& pair : changes(GetParam().long_name)) {
    auto& image = dynamic_cast<Qcow2Image&>(node->format());
    const std::string name = "b" + std::to_string(count_of(image));
    {
      auto bitmaps = loop().run(image.change_bitmaps());
      ASSERT_TRUE(bitmaps) << bitmaps.error().message();
      const auto added = loop().run((*bitmaps)->add(name, 16, true));
      ASSERT_TRUE(added) << added.error().message();
    }
    const uint32_t count = count_of(image);
    ASSERT_TRUE(loop().run(image.change_backing(pair)));
    ASSERT_TRUE(loop().run(node->close()));
    node = open_over(memory);
    ASSERT_TRUE(node);
    ASSERT_EQ(count_of(dynamic_cast<Qcow2Image&>(node->format())), count);
    ASSERT_TRUE(same(stated(memory->bytes()), pair));
  }
  ASSERT_TRUE(loop().run(node->close()));
  EXPECT_EQ(check_bytes(memory->bytes()).corruptions, 0u);
}

// Never the new name with the old format, nor a name in pieces.
TEST_P(HeaderRewrite, is_cut_by_a_crash_nowhere) {
  const auto crash = std::make_shared<storage::CrashStorage>(make_image(GetParam().image));
  const auto node = open_over(crash);
  std::vector<Pair> pairs{std::nullopt};
  std::vector<size_t> durable{0};
  for (const Pair& pair : changes(GetParam().long_name)) {
    ASSERT_TRUE(loop().run(node->format().change_backing(pair)));
    pairs.push_back(pair);
    durable.push_back(crash->flush_count());
  }
  storage::CrashOptions options;
  options.torn = true;
  storage::CrashStates walk(crash->log(), options);
  std::set<size_t> met;  // pairs that some cut leaves
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    size_t last = 0;
    while (last + 1 < pairs.size() && durable[last + 1] <= state->flushes) ++last;
    const Pair seen = stated(state->contents);
    const bool is_next = last + 1 < pairs.size() && same(seen, pairs[last + 1]);
    ASSERT_TRUE(is_next || same(seen, pairs[last])) << (seen ? seen->file : "none");
    met.insert(is_next ? last + 1 : last);
  }
  EXPECT_EQ(met.size(), pairs.size());
}

INSTANTIATE_TEST_SUITE_P(Shapes, HeaderRewrite, ::testing::ValuesIn(renamed_shapes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(HeaderRewriteRoom, that_is_not_there_is_told_and_nothing_has_changed) {
  const auto memory =
      std::make_shared<storage::MemoryStorage>(make_image({.cluster_bits = 9, .bytes = 64 << 10}));
  const auto node = open_over(memory);
  ASSERT_TRUE(loop().run(node->format().change_backing(BackingName{"a", "raw"})));
  const auto done =
      loop().run(node->format().change_backing(BackingName{std::string(500, 'n'), "raw"}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::no_space);
  EXPECT_TRUE(same(stated(memory->bytes()), BackingName{"a", "raw"}));
}

TEST(HeaderRewriteRoom, of_one_long_name_is_used_by_another) {
  const auto memory =
      std::make_shared<storage::MemoryStorage>(make_image({.cluster_bits = 10, .bytes = 64 << 10}));
  const auto node = open_over(memory);
  for (const char letter : {'m', 'n', 'o'}) {
    const BackingName name{std::string(800, letter), "raw"};
    ASSERT_TRUE(loop().run(node->format().change_backing(name)));
    EXPECT_TRUE(same(stated(memory->bytes()), name));
  }
}

}  // namespace
}  // namespace oxbow::testing
