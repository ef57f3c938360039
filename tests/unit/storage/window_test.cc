#include "storage/window.h"

#include "model.h"
#include "storage/memory.h"

namespace oxbow::storage {
namespace {

std::unique_ptr<Storage> inner_of(uint64_t size) {
  auto inner = std::make_unique<MemoryStorage>();
  must(write_bytes(*inner, 0, pattern(size, 1)));
  return inner;
}

std::string refusal(uint64_t offset, std::optional<uint64_t> size) {
  const auto window = WindowStorage::create(inner_of(1 << 20), offset, size);
  return window ? "opened" : window.error().message();
}

TEST(Window, ShowsThePartAndNothingElse) {
  const auto window = must(WindowStorage::create(inner_of(10000), 1000, 2048));
  const Bytes all = pattern(10000, 1);
  const Bytes got = must(read_bytes(*window, 0, 4096));
  EXPECT_TRUE(std::equal(got.begin(), got.begin() + 2048, all.begin() + 1000));
  EXPECT_EQ(Bytes(got.begin() + 2048, got.end()), Bytes(2048));
  EXPECT_EQ(must(read_bytes(*window, 5000, 10)), Bytes(10));
  EXPECT_EQ(must(window->status(2000, 5000)).length, 48);
}

TEST(Window, AFixedOneKeepsItsSize) {
  const auto window = must(WindowStorage::create(inner_of(10000), 1000, 2048));
  EXPECT_EQ(write_bytes(*window, 2040, pattern(9, 2)).error().kind(), ErrorKind::no_space);
  EXPECT_FALSE(run(window->write_zeroes(2048, 1)));
  EXPECT_FALSE(run(window->discard(0, 2049)));
  EXPECT_EQ(run(window->truncate(512)).error().message(), "Cannot resize fixed-size raw disks");
}

TEST(Window, AnOpenOneBehavesAsAnArrayOfBytes) {
  const auto window = must(WindowStorage::create(inner_of(777), 777, std::nullopt));
  ByteModel model(*window, 1, 100000);
  for (int step = 0; step < 300 && !testing::Test::HasFatalFailure(); ++step) model.step();
  model.check_all();
}

TEST(Window, LeavesTheBytesBeforeItAlone) {
  auto inner = inner_of(10000);
  Storage* below = inner.get();
  const auto window = must(WindowStorage::create(std::move(inner), 4000, std::nullopt));
  must(write_bytes(*window, 0, pattern(100, 2)));
  must(window->truncate(200));
  EXPECT_EQ(below->size(), 4200);
  const Bytes got = must(read_bytes(*below, 0, 4000));
  const Bytes all = pattern(10000, 1);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), all.begin()));
}

TEST(Window, RefusesInTheStockWords) {
  EXPECT_EQ(refusal(2 << 20, std::nullopt),
            "Offset (2097152) cannot be greater than size of the containing file (1048576)");
  EXPECT_EQ(refusal(1 << 20, 1),
            "The sum of offset (1048576) and size (1) has to be smaller or equal to the  actual "
            "size of the containing file (1048576)");
  EXPECT_EQ(refusal(512, 1000), "Specified size is not multiple of 512");
  EXPECT_EQ(refusal(1 << 20, std::nullopt), "opened");
}

TEST(Window, PromisesNoAlignmentThatTheOffsetBreaks) {
  const auto window = must(WindowStorage::create(inner_of(10000), 1000, 2048));
  EXPECT_EQ(window->limits().request_alignment, 1);
}

}  // namespace
}  // namespace oxbow::storage
