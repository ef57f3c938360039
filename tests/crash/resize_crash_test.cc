// Power cuts and failing writes while a disk grows over a longer backing file: what is new reads
// as zeroes or is not there, and what was on the disk stays.
#include <gtest/gtest.h>

#include "each_failure.h"
#include "image_fixture.h"
#include "stock_check.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

constexpr uint64_t old_bytes = 37 << 10;  // not a whole number of clusters
constexpr uint64_t new_bytes = 200 << 10;

struct Growth {
  const char* name;
  ImageShape shape;
  storage::Preallocation preallocation;
};

const Growth growths[] = {
    {"plain_4k",
     {.cluster_bits = 12, .backing_bytes = 300 << 10, .bytes = old_bytes},
     storage::Preallocation::off},
    {"metadata_1k",
     {.cluster_bits = 10, .backing_bytes = 300 << 10, .bytes = old_bytes},
     storage::Preallocation::metadata},
    {"full_4k",
     {.cluster_bits = 12, .backing_bytes = 300 << 10, .bytes = old_bytes},
     storage::Preallocation::full},
    {"v2_4k",
     {.version = 2, .cluster_bits = 12, .backing_bytes = 300 << 10, .bytes = old_bytes},
     storage::Preallocation::off},
    {"ext_16k",
     {.cluster_bits = 14, .extended_l2 = true, .backing_bytes = 300 << 10, .bytes = old_bytes},
     storage::Preallocation::metadata},
    {"alone_4k", {.cluster_bits = 12, .bytes = old_bytes}, storage::Preallocation::metadata},
};

class ResizeCrash : public ::testing::TestWithParam<Growth> {};

async::Loop& loop() { return async::Loop::current_thread(); }

// The image in `bytes` has no error, and reads as it did before the growth with zeroes behind.
void expect_old_or_new(const ImageShape& shape, const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  ASSERT_EQ(found.corruptions + found.check_errors, 0u) << first;
  auto node =
      open_node(std::make_unique<storage::MemoryStorage>(bytes), make_backing(shape.backing_bytes));
  ASSERT_TRUE(node) << node.error().message();
  const uint64_t size = (*node)->virtual_size();
  ASSERT_TRUE(size == old_bytes || size == new_bytes) << size;
  std::vector<std::byte> all(size);
  const iovec part{all.data(), all.size()};
  ASSERT_TRUE(loop().run((*node)->read(0, IoSpan(&part, 1))));
  for (uint64_t i = 0; i < size; ++i) {
    const int expected = i < old_bytes && shape.backing_bytes != 0 ? backing_byte(i) : 0;
    ASSERT_EQ(std::to_integer<int>(all[i]), expected) << "at " << i << " of " << size;
  }
}

Result<void> grow(std::unique_ptr<storage::Storage> file, const Growth& growth) {
  auto node = open_node(std::move(file), make_backing(growth.shape.backing_bytes));
  if (!node) return std::unexpected(node.error());
  const auto grown = loop().run((*node)->resize(new_bytes, growth.preallocation, false));
  const auto closed = loop().run((*node)->close());
  return grown ? closed : grown;
}

TEST_P(ResizeCrash, shows_nothing_of_what_lies_below) {
  const ImageShape& shape = GetParam().shape;
  const auto crash = std::make_shared<storage::CrashStorage>(make_image(shape));
  const auto grown = grow(std::make_unique<storage::LentStorage>(crash), GetParam());
  ASSERT_TRUE(grown) << grown.error().message();
  storage::CrashOptions options;
  options.exhaustive = 6;
  options.samples = 16;
  options.torn = true;
  storage::CrashStates walk(crash->log(), options);
  size_t states = 0;
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    expect_old_or_new(shape, state->contents);
    if (HasFatalFailure()) return;
    ++states;
  }
  EXPECT_GT(states, 10u);
}

TEST_P(ResizeCrash, any_write_may_fail) {
  expect_failures_survived(
      {{make_image(GetParam().shape), 3}},
      [](const FailingFiles& files) { return grow(files.file(), GetParam()); },
      [](const FailingFiles& files, const Result<void>& done) {
        expect_old_or_new(GetParam().shape, files.bytes());
        if (files.chosen()) expect_stock_agrees(files.bytes());
        if (done) {
          EXPECT_EQ(load64(files.bytes(), 24), new_bytes);
        }
      });
}

INSTANTIATE_TEST_SUITE_P(Growths, ResizeCrash, ::testing::ValuesIn(growths),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
