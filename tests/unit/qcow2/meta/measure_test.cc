// The sizes of new images' files against what creating them makes.
#include "format/qcow2/measure.h"

#include <gtest/gtest.h>

#include "format/qcow2/create.h"
#include "format/qcow2/create_layout.h"

namespace oxbow::format::qcow2 {
namespace {

TEST(Measure, a_filled_image_takes_what_measure_says) {
  for (const uint32_t cluster_bits : {9u, 12u, 16u, 21u}) {
    for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{5} << 20, uint64_t{1} << 30}) {
      Qcow2CreateOptions options;
      options.size = size;
      options.cluster_bits = cluster_bits;
      options.preallocation = storage::Preallocation::metadata;
      const auto layout = plan_create(options);
      MeasureShape shape;
      shape.cluster_bits = cluster_bits;
      const auto metadata = measure_metadata(shape, size);
      ASSERT_TRUE(layout && metadata);
      const uint64_t cluster_size = uint64_t{1} << cluster_bits;
      // Tables that had to grow have left their old places behind.
      EXPECT_LE(*metadata + align_up(size, cluster_size), layout->end * cluster_size);
      EXPECT_GE((*metadata + align_up(size, cluster_size)) * 102 / 100 + cluster_size,
                layout->end * cluster_size);
    }
  }
}

TEST(Measure, options_are_refused_in_the_stock_words) {
  const auto refusal = [](const char* key, const char* word) {
    const auto shape = parse_measure_options({{key, word}});
    return shape ? std::string() : shape.error().message();
  };
  EXPECT_EQ(refusal("compat", "9"), "Invalid compatibility level: '9'");
  EXPECT_EQ(refusal("preallocation", "nope"), "invalid parameter value: nope");
  EXPECT_EQ(refusal("cluster_size", "65536"), "");
}

TEST(Measure, a_disk_that_no_l1_table_can_hold_is_refused) {
  MeasureShape shape;
  shape.cluster_bits = 9;
  EXPECT_FALSE(measure_metadata(shape, uint64_t{1} << 40));
  EXPECT_FALSE(measure_metadata({}, UINT64_MAX / 2));
}

TEST(Measure, bitmaps_take_their_clusters_and_their_table) {
  EXPECT_EQ(measure_bitmap(512, 100 << 20, 512), 51u * 512);
  EXPECT_EQ(measure_bitmap(65536, 100 << 20, 65536), 2u * 65536);
  EXPECT_EQ(measure_bitmap_entry(2), 32u);
}

}  // namespace
}  // namespace oxbow::format::qcow2
