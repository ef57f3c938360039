// The overlap guard's options and events, as the library's users meet them.
#include "api/guard_options.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support.h"

namespace oxbow::api {
namespace {

using format::qcow2::class_bit;
using format::qcow2::every_class;
using format::qcow2::GuardOptions;
using format::qcow2::Writes;

Result<GuardOptions> parse(const Options& options) {
  OptionTree tree(options);
  return take_guard_options(tree);
}

TEST(GuardOptions, everything_is_checked_by_default) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->checked, every_class);
  EXPECT_FALSE(options->memory_limit);
  EXPECT_FALSE(options->unprotected_when_full);
}

TEST(GuardOptions, templates_are_the_stock_tools) {
  EXPECT_EQ(parse({{"overlap-check", "none"}})->checked, 0);
  EXPECT_EQ(parse({{"overlap-check", "all"}})->checked, every_class);
  const auto constant = parse({{"overlap-check.template", "constant"}})->checked;
  EXPECT_NE(constant & class_bit(Writes::refcount_table), 0);
  EXPECT_EQ(constant & class_bit(Writes::active_l2), 0);
  const auto cached = parse({{"overlap-check", "cached"}})->checked;
  EXPECT_NE(cached & class_bit(Writes::active_l2), 0);
  EXPECT_EQ(cached & class_bit(Writes::inactive_l2), 0);
}

TEST(GuardOptions, single_classes_add_to_and_take_from_the_template) {
  const auto options = parse({{"overlap-check", "constant"},
                              {"overlap-check.inactive-l2", "on"},
                              {"overlap-check.bitmap-data", "on"},
                              {"overlap-check.main-header", "off"}});
  ASSERT_TRUE(options);
  EXPECT_NE(options->checked & class_bit(Writes::inactive_l2), 0);
  EXPECT_NE(options->checked & class_bit(Writes::bitmap_data), 0);
  EXPECT_EQ(options->checked & class_bit(Writes::main_header), 0);
}

TEST(GuardOptions, bad_values_get_the_stock_tools_words) {
  EXPECT_EQ(parse({{"overlap-check", "some"}}).error().message(),
            "Unsupported value 'some' for qcow2 option 'overlap-check'. Allowed are any of the "
            "following: none, constant, cached, all");
  EXPECT_EQ(parse({{"overlap-check", "none"}, {"overlap-check.template", "all"}}).error().message(),
            "Conflicting values for qcow2 options 'overlap-check' ('none') and "
            "'overlap-check.template' ('all')");
  EXPECT_FALSE(parse({{"overlap-check.active-l1", "maybe"}}));
  EXPECT_FALSE(parse({{"overlap-degrade", "somehow"}}));
  EXPECT_FALSE(parse({{"overlap-structures.total-size-limit", "much"}}));
}

// Row 16.
TEST(GuardOptions, limit_of_0_needs_the_checks_to_be_off) {
  EXPECT_FALSE(parse({{"overlap-structures.total-size-limit", "0"}}));
  EXPECT_TRUE(parse({{"overlap-structures.total-size-limit", "0"}, {"overlap-check", "none"}}));
}

TEST(GuardOptions, proposals_names_are_understood) {
  const auto options = parse({{"overlap-structures.total-size-limit", "64k"},
                              {"overlap-structures.bitmap-size", "64k"},
                              {"overlap-degrade", "unprotected"}});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->memory_limit, 65536u);
  EXPECT_TRUE(options->unprotected_when_full);
}

class GuardEvents : public ::testing::Test {
 protected:
  GuardEvents() {
    create(path, "qcow2", 1 << 20);
    const std::vector<std::byte> data(65536, std::byte{1});
    auto image = open({});
    EXPECT_TRUE(image.write(0, data));
    EXPECT_TRUE(image.close());
  }

  Image open(Options driver) {
    OpenOptions options;
    options.format = "qcow2";
    options.writable = true;
    options.driver = std::move(driver);
    options.on_event = [this](const ImageEvent& event) { events.push_back(event); };
    auto image = Image::open(path, options);
    EXPECT_TRUE(image) << image.error().message();
    return std::move(*image);
  }

  // The first L2 entry points at the refcount table.
  void damage() {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto read = [&](uint64_t offset) {
      unsigned char raw[8];
      file.seekg(static_cast<std::streamoff>(offset));
      file.read(reinterpret_cast<char*>(raw), 8);
      uint64_t value = 0;
      for (const unsigned char byte : raw) value = value << 8 | byte;
      return value;
    };
    const uint64_t entry = read(48) | uint64_t{1} << 63;
    const uint64_t l2_table = read(read(40)) & ~(uint64_t{1} << 63);
    file.seekp(static_cast<std::streamoff>(l2_table));
    for (int shift = 56; shift >= 0; shift -= 8) {
      file.put(static_cast<char>(entry >> shift & 0xff));
    }
  }

  Folder folder;
  std::string path = folder / "a.qcow2";
  std::vector<ImageEvent> events;
};

TEST_F(GuardEvents, refusal_tells_what_where_and_that_it_is_final) {
  damage();
  Image image = open({});
  const std::vector<std::byte> data(4096, std::byte{2});
  EXPECT_FALSE(image.write(8192, data));
  EXPECT_FALSE(image.write(0, data));
  ASSERT_EQ(events.size(), 1u);
  const auto& event = std::get<ImageCorrupted>(events[0]);
  EXPECT_EQ(event.reference, path);
  EXPECT_EQ(event.message, "Preventing invalid write on metadata (overlaps with refcount table)");
  EXPECT_EQ(event.offset, 65536u + 8192u);
  EXPECT_EQ(event.size, 4096u);
  EXPECT_TRUE(event.fatal);
}

TEST_F(GuardEvents, corrupt_image_is_not_opened_for_writing_again) {
  damage();
  {
    Image image = open({});
    const std::vector<std::byte> data(4096, std::byte{2});
    EXPECT_FALSE(image.write(0, data));
    (void)image.close();
  }
  OpenOptions options;
  options.format = "qcow2";
  options.writable = true;
  EXPECT_FALSE(Image::open(path, options));
  options.writable = false;
  EXPECT_TRUE(Image::open(path, options));
}

// Rows 13 and 17.
TEST_F(GuardEvents, memory_limit_is_told_once_with_its_range) {
  Image image = open({{"overlap-structures.total-size-limit", "1"}});
  const std::vector<std::byte> data(4096, std::byte{2});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(image.write(static_cast<uint64_t>(i) * 4096, data));
  ASSERT_EQ(events.size(), 1u);
  const auto& event = std::get<OverlapCheckMemoryLimitReached>(events[0]);
  EXPECT_EQ(event.reference, path);
  EXPECT_EQ(event.start, 0u);
  EXPECT_FALSE(event.length);
}

TEST_F(GuardEvents, options_come_by_json_too) {
  const auto refused = Image::open(
      R"(json:{"driver":"qcow2","overlap-check":{"template":"some"},"file":{"driver":"file",)"
      R"("filename":")" +
      path + "\"}}");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("Unsupported value 'some'"), std::string::npos);
}

}  // namespace
}  // namespace oxbow::api
