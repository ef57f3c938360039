// Power cuts and failing writes while a disk changes its size over a longer backing file. Where it
// grows, what is new reads as zeroes or is not there, and what was on the disk stays; where it
// shrinks, what is going to be cut is as it was, or reads as zeroes.
#include <gtest/gtest.h>

#include "each_failure.h"
#include "image_fixture.h"
#include "stock_check.h"
#include "storage/crash_states.h"
#include "whole_contents.h"

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

// Looks at what each power cut may leave. Gives how many states these are.
template <class Look>
size_t cut_power(const storage::CrashStorage& crash, const Look& look) {
  storage::CrashOptions options;
  options.exhaustive = 6;
  options.samples = 16;
  options.torn = true;
  storage::CrashStates walk(crash.log(), options);
  size_t states = 0;
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    look(state->contents);
    ++states;
    if (::testing::Test::HasFailure()) break;
  }
  return states;
}

class ResizeCrash : public ::testing::TestWithParam<Growth> {};

// The image in `bytes`, which a check finds no error in, over its backing file.
std::shared_ptr<graph::Node> open_sound(const ImageShape& shape,
                                        const storage::SparseBytes& bytes) {
  EXPECT_EQ(corruption_in(bytes), "");
  auto node =
      open_node(std::make_unique<storage::MemoryStorage>(bytes), make_backing(shape.backing_bytes));
  EXPECT_TRUE(node) << node.error().message();
  return node.value_or(nullptr);
}

// The image in `bytes` has no error, and reads as it did before the growth with zeroes behind.
void expect_old_or_new(const ImageShape& shape, const storage::SparseBytes& bytes) {
  const auto node = open_sound(shape, bytes);
  ASSERT_TRUE(node);
  const uint64_t size = node->virtual_size();
  ASSERT_TRUE(size == old_bytes || size == new_bytes) << size;
  const Bytes all = read_all(*node);
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
  EXPECT_GT(cut_power(*crash, [&](const auto& bytes) { expect_old_or_new(shape, bytes); }), 10u);
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

struct Shrinking {
  const char* name;
  ImageShape shape;
  bool vm_state = false;
};

constexpr uint64_t full_bytes = 130 << 10;
constexpr uint64_t cut_bytes = (29 << 10) + 512;

const Shrinking shrinkings[] = {
    {"one_table", {.cluster_bits = 12, .backing_bytes = 300 << 10, .bytes = full_bytes}},
    {"tables_go", {.cluster_bits = 9, .backing_bytes = 300 << 10, .bytes = full_bytes}},
    {"state", {.cluster_bits = 9, .backing_bytes = 300 << 10, .bytes = full_bytes}, true},
    {"ext_16k",
     {.cluster_bits = 14, .extended_l2 = true, .backing_bytes = 300 << 10, .bytes = full_bytes}},
    {"alone", {.cluster_bits = 9, .bytes = full_bytes}},
};

constexpr std::byte written{0xa7};

class ShrinkCrash : public ::testing::TestWithParam<Shrinking> {
 protected:
  // Every second KiB of the disk is written, the others are left to the backing file; then a
  // bitmap begins.
  static storage::SparseBytes make_full(const Shrinking& how) {
    const auto memory = std::make_shared<storage::MemoryStorage>(make_image(how.shape));
    auto node = open_node(std::make_unique<storage::LentStorage>(memory),
                          make_backing(how.shape.backing_bytes));
    EXPECT_TRUE(node) << node.error().message();
    std::vector<std::byte> data(1024, written);
    const iovec part{data.data(), data.size()};
    for (uint64_t at = 0; at < full_bytes; at += 2048) {
      EXPECT_TRUE(loop().run((*node)->write(at, IoSpan(&part, 1))));
    }
    if (how.vm_state) EXPECT_TRUE(loop().run((*node)->write_vm_state(0, IoSpan(&part, 1))));
    const auto bitmaps = loop().run(engine(**node).change_bitmaps());
    EXPECT_TRUE(bitmaps) << bitmaps.error().message();
    EXPECT_TRUE(loop().run((*bitmaps)->add("b", 9, true)));
    EXPECT_TRUE(loop().run((*node)->close()));
    return memory->bytes();
  }
  static std::byte full_byte(const ImageShape& shape, uint64_t at) {
    if (at % 2048 < 1024) return written;
    return shape.backing_bytes == 0 ? std::byte{0} : std::byte{backing_byte(at)};
  }
  static void expect_sound(const Shrinking& how, const storage::SparseBytes& bytes) {
    const auto node = open_sound(how.shape, bytes);
    ASSERT_TRUE(node);
    const uint64_t size = node->virtual_size();
    ASSERT_TRUE(size == full_bytes || size == cut_bytes) << size;
    const Bytes all = read_all(*node);
    for (uint64_t i = 0; i < size; ++i) {
      if (i >= cut_bytes && all[i] == std::byte{0}) continue;
      ASSERT_EQ(all[i], full_byte(how.shape, i)) << "at " << i << " of " << size;
    }
    expect_bitmap_covers(how.shape, *node, all);
    if (!how.vm_state) return;
    std::vector<std::byte> state(1024);
    const iovec into{state.data(), state.size()};
    ASSERT_TRUE(loop().run(node->read_vm_state(0, IoSpan(&into, 1))));
    ASSERT_EQ(state, std::vector<std::byte>(1024, written));
  }
  static void expect_bitmap_covers(const ImageShape& shape, graph::Node& node, const Bytes& now) {
    Bytes before(full_bytes);
    for (uint64_t i = 0; i < full_bytes; ++i) before[i] = full_byte(shape, i);
    for (const format::qcow2::Bitmap& bitmap : engine(node).bitmaps().list()) {
      if (bitmap.in_use()) continue;
      const auto bits = loop().run(engine(node).bitmaps().bits_of(bitmap.name));
      ASSERT_TRUE(bits) << bits.error().message();
      ASSERT_TRUE(covers(bitmap, **bits, before, now)) << "a change is missed";
    }
  }
  static Result<void> shrink(std::unique_ptr<storage::Storage> file, const Shrinking& how) {
    auto node = open_node(std::move(file), make_backing(how.shape.backing_bytes));
    if (!node) return std::unexpected(node.error());
    const auto cut = loop().run((*node)->resize(cut_bytes, storage::Preallocation::off, true));
    const auto closed = loop().run((*node)->close());
    return cut ? closed : cut;
  }
};

TEST_P(ShrinkCrash, shows_nothing_of_what_lies_below) {
  const auto crash = std::make_shared<storage::CrashStorage>(make_full(GetParam()));
  const auto cut = shrink(std::make_unique<storage::LentStorage>(crash), GetParam());
  ASSERT_TRUE(cut) << cut.error().message();
  EXPECT_GT(cut_power(*crash, [](const auto& bytes) { expect_sound(GetParam(), bytes); }), 5u);
}

TEST_P(ShrinkCrash, any_write_may_fail) {
  expect_failures_survived(
      {{make_full(GetParam()), 3}},
      [](const FailingFiles& files) { return shrink(files.file(), GetParam()); },
      [](const FailingFiles& files, const Result<void>& done) {
        expect_sound(GetParam(), files.bytes());
        if (files.chosen()) expect_stock_agrees(files.bytes());
        if (done) {
          EXPECT_EQ(load64(files.bytes(), 24), cut_bytes);
        }
      });
}

INSTANTIATE_TEST_SUITE_P(Shrinkings, ShrinkCrash, ::testing::ValuesIn(shrinkings),
                         [](const auto& info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(Growths, ResizeCrash, ::testing::ValuesIn(growths),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
