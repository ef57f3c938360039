#include "storage/memory.h"

#include "model.h"

namespace oxbow::storage {
namespace {

TEST(Memory, BehavesAsAnArrayOfBytes) {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    MemoryStorage memory(5000);
    ByteModel model(memory, seed, 100000);
    for (int step = 0; step < 300 && !testing::Test::HasFatalFailure(); ++step) model.step();
    model.check_all();
  }
}

TEST(Memory, AnEmptyTebibyteCostsNothing) {
  constexpr uint64_t tebibyte = uint64_t{1} << 40;
  MemoryStorage memory(tebibyte);
  EXPECT_EQ(must(memory.allocated_bytes()), 0);
  must(write_bytes(memory, tebibyte / 2, pattern(10, 1)));
  EXPECT_EQ(must(memory.allocated_bytes()), SparseBytes::page_size);
  const Status hole = must(memory.status(0, tebibyte));
  EXPECT_EQ(hole.length, tebibyte / 2);
  EXPECT_TRUE(hole.zero);
  must(memory.write_zeroes(0, tebibyte));
  EXPECT_EQ(must(memory.allocated_bytes()), 0);
}

TEST(Memory, GrowingAfterAShrinkUncoversNothingOld) {
  MemoryStorage memory;
  must(write_bytes(memory, 0, pattern(6000, 1)));
  must(memory.truncate(100));
  must(memory.truncate(6000));
  const Bytes got = must(read_bytes(memory, 0, 6000));
  EXPECT_EQ(Bytes(got.begin() + 100, got.end()), Bytes(5900));
}

TEST(Memory, RefusesWritesWhenReadOnly) {
  MemoryStorage memory(100);
  memory.set_read_only(true);
  EXPECT_EQ(write_bytes(memory, 0, pattern(10, 1)).error().kind(), ErrorKind::read_only);
}

TEST(SparseBytes, ACopyKeepsItsContentsWhenTheOriginalChanges) {
  SparseBytes original;
  const Bytes old = pattern(10000, 1);
  iovec part = io_slice(std::span(old));
  original.write(0, IoSpan(&part, 1));
  const SparseBytes copy = original;
  EXPECT_TRUE(copy == original);
  const Bytes fresh = pattern(10, 2);
  part = io_slice(std::span(fresh));
  original.write(5000, IoSpan(&part, 1));
  EXPECT_FALSE(copy == original);
  Bytes got(10000);
  part = io_slice(std::span(got));
  copy.read(0, IoSpan(&part, 1));
  EXPECT_EQ(got, old);
}

TEST(SparseBytes, StoredZeroesEqualHoles) {
  SparseBytes stored;
  const Bytes zeroes(10000);
  const iovec part = io_slice(std::span(zeroes));
  stored.write(0, IoSpan(&part, 1));
  SparseBytes hole;
  hole.resize(10000);
  EXPECT_TRUE(stored == hole);
  EXPECT_TRUE(hole == stored);
}

}  // namespace
}  // namespace oxbow::storage
