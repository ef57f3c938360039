// Bulk transfers: large requests past the page cache, small ones through it, one contents.
#include "storage/file_bulk.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "storage/file.h"
#include "support.h"

namespace oxbow::storage {
namespace {

constexpr uint64_t mib = 1 << 20;

class FileBulkTest : public testing::Test {
 protected:
  std::unique_ptr<Storage> open(bool writable) {
    FileOptions options;
    options.path = folder_ / "file";
    options.writable = writable;
    options.cache = CacheMode::unsafe;
    return must(open_file(options));
  }
  void create(uint64_t size) {
    FileCreateOptions create;
    create.path = folder_ / "file";
    create.size = size;
    must(create_file(create));
  }
  static Result<void> write(Storage& file, uint64_t offset, const Bytes& bytes) {
    Buffer aligned = must(Buffer::allocate(bytes.size()));
    std::ranges::copy(bytes, aligned.data());
    const iovec part = io_slice(aligned.span());
    return run(file.write(offset, IoSpan(&part, 1)));
  }
  static Bytes read(Storage& file, uint64_t offset, size_t length) {
    Buffer aligned = must(Buffer::allocate(length));
    const iovec part = io_slice(aligned.span());
    must(run(file.read(offset, IoSpan(&part, 1))));
    return Bytes(aligned.data(), aligned.data() + length);
  }
  // Gives the disk what the cache holds, and forgets it.
  void drop_cache() {
    const std::string path = folder_ / "file";
    const int fd = ::open(path.c_str(), O_RDONLY);
    ASSERT_EQ(::fsync(fd), 0);
    ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    ::close(fd);
  }

  Folder folder_;
};

TEST_F(FileBulkTest, LargeAndSmallWritesMeetInOneFile) {
  create(8 * mib);
  const auto file = open(true);
  file->expect_bulk(true);
  const Bytes large = pattern(2 * mib, 1);
  const Bytes small = pattern(1000, 2);
  must(write(*file, mib, large));
  must(write(*file, mib + 70000, small));
  must(write(*file, 7 * mib, large));  // grows the file
  file->expect_bulk(false);
  EXPECT_EQ(file->size(), 9 * mib);
  Bytes expected = large;
  std::ranges::copy(small, expected.begin() + 70000);
  EXPECT_EQ(read(*file, mib, 2 * mib), expected);
  EXPECT_EQ(read(*file, 7 * mib, 2 * mib), large);
  EXPECT_EQ(read(*file, 0, mib), Bytes(mib));
  must(file->close());
}

TEST_F(FileBulkTest, ReadsTheSameFromTheCacheAndFromTheDisk) {
  create(0);
  auto file = open(true);
  const Bytes data = pattern(3 * mib + 777, 3);
  must(write(*file, 0, data));
  must(file->close());
  for (const bool cold : {false, true}) {
    if (cold) drop_cache();
    file = open(false);
    file->expect_bulk(true);
    EXPECT_EQ(read(*file, 0, 2 * mib), Bytes(data.begin(), data.begin() + 2 * mib));
    Bytes tail(data.begin() + 2 * mib, data.end());
    tail.resize(2 * mib);  // what lies beyond the end reads as zeroes
    EXPECT_EQ(read(*file, 2 * mib, 2 * mib), tail);
    must(file->close());
  }
}

TEST_F(FileBulkTest, AFileThatShrinksIsAnErrorAndNoSignal) {
  create(0);
  auto file = open(true);
  must(write(*file, 0, pattern(4 * mib, 3)));
  must(file->close());
  file = open(false);
  file->expect_bulk(true);
  const std::string path = folder_ / "file";
  ASSERT_EQ(::truncate(path.c_str(), mib), 0);
  Buffer into = must(Buffer::allocate(2 * mib));
  const iovec part = io_slice(into.span());
  const auto got = run(file->read(0, IoSpan(&part, 1)));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind(), ErrorKind::io);
  must(file->close());
}

TEST_F(FileBulkTest, TakesOnlyLargeAlignedRequests) {
  create(mib);
  const std::string path = folder_ / "file";
  const int fd = ::open(path.c_str(), O_RDWR);
  const auto bulk = FileBulk::open(fd, true, mib);
  if (!bulk) GTEST_SKIP() << "no direct I/O here";
  Buffer memory = must(Buffer::allocate(mib));
  const iovec whole = io_slice(memory.span());
  const iovec shifted = io_slice(memory.span().subspan(8, 512 * 1024));
  const iovec small = io_slice(memory.span().first(4096));
  EXPECT_TRUE(bulk->takes(0, IoSpan(&whole, 1)));
  EXPECT_FALSE(bulk->takes(100, IoSpan(&whole, 1)));
  EXPECT_FALSE(bulk->takes(0, IoSpan(&shifted, 1)));
  EXPECT_FALSE(bulk->takes(0, IoSpan(&small, 1)));
  EXPECT_FALSE(bulk->takes_write(0, IoSpan(&whole, 1))) << "not active yet";
  bulk->set_active(true);
  EXPECT_TRUE(bulk->takes_write(0, IoSpan(&whole, 1)));
  bulk->give_up();
  EXPECT_FALSE(bulk->takes_write(0, IoSpan(&whole, 1)));
  ::close(fd);
}

TEST_F(FileBulkTest, ASlowDiskIsLeftAloneForAWhile) {
  create(mib);
  const std::string path = folder_ / "file";
  const int fd = ::open(path.c_str(), O_RDWR);
  const auto bulk = FileBulk::open(fd, true, mib);
  if (!bulk) GTEST_SKIP() << "no direct I/O here";
  bulk->set_active(true);
  Buffer memory = must(Buffer::allocate(32 * mib));
  const iovec sample = io_slice(memory.span());
  bulk->write_begins();
  ::usleep(250000);  // 32 MiB in a quarter of a second
  bulk->write_ended(32 * mib);
  int detour = 0;
  while (!bulk->takes_write(0, IoSpan(&sample, 1)) && detour < 100) ++detour;
  EXPECT_EQ(detour, 4);
  ::close(fd);
}

}  // namespace
}  // namespace oxbow::storage
