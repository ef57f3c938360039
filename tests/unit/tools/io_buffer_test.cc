// Buffers of the io shell: alignment, patterns, reuse.
#include "io/io_buffer.h"

#include <gtest/gtest.h>

#include "io/statistics.h"

namespace oxbow::tools::io {
namespace {

std::unique_ptr<IoBuffer> take(BufferPool& pool, size_t length) {
  auto buffer = pool.take(length);
  EXPECT_TRUE(buffer) << length;
  EXPECT_EQ((*buffer)->bytes().size(), length);
  return std::move(*buffer);
}

TEST(IoBuffer, IsAlignedForDirectRequestsUnlessItIsToBeMisaligned) {
  BufferPool pool;
  for (const size_t length : {1, 4096, 100000}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(take(pool, length)->bytes().data()) % 4096, 0u);
  }
  BufferPool shifted;
  shifted.set_shift(16);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(take(shifted, 512)->bytes().data()) % 4096, 16u);
}

TEST(IoBuffer, GivenBackItIsTakenAgain) {
  BufferPool pool;
  auto first = take(pool, 4096);
  const void* memory = first->bytes().data();
  pool.give_back(std::move(first));
  EXPECT_EQ(take(pool, 512)->bytes().data(), memory);
}

// A pattern is not written again where it is known to be there: what is longer, of another
// pattern or was overwritten is.
TEST(IoBuffer, AKnownPatternIsFilledWhereItIsMissing) {
  BufferPool pool;
  auto buffer = take(pool, 512);
  buffer->fill(1);
  EXPECT_TRUE(all_bytes_are(buffer->bytes(), 1));
  pool.give_back(std::move(buffer));

  buffer = take(pool, 2048);
  buffer->fill(1);
  EXPECT_TRUE(all_bytes_are(buffer->bytes(), 1));
  pool.give_back(std::move(buffer));

  buffer = take(pool, 100);
  buffer->fill(2);
  EXPECT_TRUE(all_bytes_are(buffer->bytes(), 2));
  pool.give_back(std::move(buffer));

  buffer = take(pool, 2048);
  buffer->fill(2);
  EXPECT_TRUE(all_bytes_are(buffer->bytes(), 2));
  buffer->forget_pattern();
  buffer->bytes()[7] = std::byte{9};
  buffer->fill(2);
  EXPECT_TRUE(all_bytes_are(buffer->bytes(), 2));
}

}  // namespace
}  // namespace oxbow::tools::io
