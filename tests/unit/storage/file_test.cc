// The file driver on the page cache: contents, holes, lengths, cache modes.
#include "storage/file.h"

#include <fcntl.h>
#include <unistd.h>

#include "model.h"

namespace oxbow::storage {
namespace {

class File : public testing::Test {
 protected:
  std::unique_ptr<Storage> create(const std::string& name, uint64_t size,
                                  CacheMode cache = CacheMode::writeback) {
    FileCreateOptions create;
    create.path = folder_ / name;
    create.size = size;
    must(create_file(create));
    FileOptions options;
    options.path = create.path;
    options.writable = true;
    options.cache = cache;
    options.discard_unmap = true;
    return must(open_file(options));
  }

  Folder folder_;
};

TEST_F(File, BehavesAsAnArrayOfBytesInEveryCacheMode) {
  for (const CacheMode mode : {CacheMode::writeback, CacheMode::writethrough, CacheMode::unsafe,
                               CacheMode::none, CacheMode::directsync}) {
    const auto file = create("model", 12345, mode);
    ByteModel model(*file, static_cast<uint32_t>(mode), 1000000);
    for (int step = 0; step < 400 && !HasFatalFailure(); ++step) model.step();
    model.check_all();
    must(file->flush());
    must(file->close());
  }
}

TEST_F(File, ReadsZeroesBeyondTheEnd) {
  const auto file = create("short", 0);
  const Bytes data = pattern(1000, 1);
  must(write_bytes(*file, 0, data));
  const Bytes got = must(read_bytes(*file, 500, 1000));
  EXPECT_TRUE(std::equal(got.begin(), got.begin() + 500, data.begin() + 500));
  EXPECT_EQ(Bytes(got.begin() + 500, got.end()), Bytes(500));
  EXPECT_EQ(must(read_bytes(*file, 1 << 20, 100)), Bytes(100));
}

TEST_F(File, TellsThatTheFileShrankUnderneath) {
  for (const CacheMode mode : {CacheMode::writeback, CacheMode::none}) {
    const auto file = create("shrinks", 1 << 20, mode);
    ASSERT_EQ(::truncate(file->filename().c_str(), 1000), 0);
    const auto got = read_bytes(*file, 512, 4096);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind(), ErrorKind::io);
    EXPECT_EQ(got.error().message(), "Could not read '" + file->filename() +
                                         "' at offset 1000: the file ends here, it had 1048576 "
                                         "bytes");
  }
}

TEST_F(File, FindsHolesAndDataAndForgetsThemWhenTheyChange) {
  const auto file = create("holes", 16 << 20);
  constexpr uint64_t first_block = 4096;  // stored when the file is made
  Status status = must(file->status(0, 16 << 20));
  EXPECT_TRUE(status.data);
  EXPECT_EQ(status.length, first_block);
  status = must(file->status(first_block, 16 << 20));
  EXPECT_FALSE(status.data);
  EXPECT_EQ(status.length, (16 << 20) - first_block);
  must(write_bytes(*file, 4 << 20, pattern(1 << 20, 1)));
  status = must(file->status(first_block, 16 << 20));
  EXPECT_TRUE(status.zero);
  EXPECT_EQ(status.length, (4 << 20) - first_block);
  status = must(file->status(4 << 20, 16 << 20));
  EXPECT_TRUE(status.data);
  EXPECT_EQ(status.length, 1 << 20);
  must(file->discard(4 << 20, 1 << 20));
  status = must(file->status(4 << 20, 100));
  EXPECT_FALSE(status.data);
}

TEST_F(File, UnmappedZeroesGiveTheSpaceBackAndOthersKeepIt) {
  const auto file = create("zeroes", 0);
  must(write_bytes(*file, 0, pattern(1 << 20, 1)));
  must(file->flush());
  const uint64_t full = must(file->allocated_bytes());
  must(file->write_zeroes(0, 1 << 20, {.no_fallback = true}));
  must(file->flush());
  EXPECT_GE(must(file->allocated_bytes()), full);
  EXPECT_EQ(must(read_bytes(*file, 0, 1 << 20)), Bytes(1 << 20));
  must(file->write_zeroes(0, 1 << 20, {.may_unmap = true, .no_fallback = true}));
  EXPECT_LT(must(file->allocated_bytes()), full / 2);
}

TEST_F(File, ZeroesBeyondTheEndCostNoSpace) {
  const auto file = create("grows", 4096);
  must(file->write_zeroes(uint64_t{1} << 30, 4096, {.no_fallback = true}));
  EXPECT_EQ(file->size(), (uint64_t{1} << 30) + 4096);
  EXPECT_LT(must(file->allocated_bytes()), 1 << 20);
}

TEST_F(File, DiscardDoesNothingUnlessAskedFor) {
  const std::string path = create("kept", 0)->filename();
  FileOptions options;
  options.path = path;
  options.writable = true;
  const auto file = must(open_file(options));
  const Bytes data = pattern(1 << 20, 1);
  must(write_bytes(*file, 0, data));
  must(file->discard(0, 1 << 20));
  EXPECT_EQ(must(read_bytes(*file, 0, 1 << 20)), data);
  EXPECT_FALSE(file->limits().can_discard);
}

TEST_F(File, PreallocatesByAllocationAndByWriting) {
  for (const Preallocation how : {Preallocation::falloc, Preallocation::full}) {
    FileCreateOptions options;
    options.path = folder_ / "allocated";
    options.size = 3000000;
    options.preallocation = how;
    must(create_file(options));
    FileOptions open_options;
    open_options.path = options.path;
    open_options.writable = true;
    const auto file = must(open_file(open_options));
    EXPECT_EQ(file->size(), 3000000);
    EXPECT_GE(must(file->allocated_bytes()), 3000000);
    must(file->truncate(5000000, how));
    EXPECT_EQ(file->size(), 5000000);
    EXPECT_GE(must(file->allocated_bytes()), 5000000);
    EXPECT_EQ(must(read_bytes(*file, 4000000, 1000)), Bytes(1000));
    must(file->close());
  }
}

TEST_F(File, CopiesBetweenFilesInsideTheKernel) {
  const auto source = create("source", 0);
  const auto target = create("target", 0);
  const Bytes data = pattern(300000, 1);
  must(write_bytes(*source, 0, data));
  const auto copied = run(target->copy_from(*source, 1000, 5000, 200000));
  if (!copied && copied.error().kind() == ErrorKind::unsupported) GTEST_SKIP();
  must(copied);
  EXPECT_EQ(target->size(), 205000);
  const Bytes got = must(read_bytes(*target, 5000, 200000));
  EXPECT_TRUE(std::equal(got.begin(), got.end(), data.begin() + 1000));
}

TEST_F(File, DoesNotCopyWhatTheSourceDoesNotHave) {
  const auto source = create("source", 1000);
  const auto target = create("target", 0);
  const auto copied = run(target->copy_from(*source, 500, 0, 501));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind(), ErrorKind::unsupported);
}

TEST_F(File, RefusesWritesWhenOpenForReading) {
  const std::string path = create("read", 1000)->filename();
  FileOptions options;
  options.path = path;
  const auto file = must(open_file(options));
  EXPECT_TRUE(file->read_only());
  EXPECT_EQ(write_bytes(*file, 0, pattern(10, 1)).error().kind(), ErrorKind::read_only);
  EXPECT_EQ(run(file->truncate(0)).error().kind(), ErrorKind::read_only);
  EXPECT_EQ(run(file->discard(0, 1)).error().kind(), ErrorKind::read_only);
  EXPECT_EQ(run(file->write_zeroes(0, 1)).error().kind(), ErrorKind::read_only);
}

TEST_F(File, TakesMoreVectorsThanOneSystemCall) {
  for (const CacheMode mode : {CacheMode::writeback, CacheMode::none}) {
    const auto file = create("vectors", 0, mode);
    Bytes data = pattern(3000, 1);
    std::vector<iovec> parts;
    for (std::byte& byte : data) parts.push_back(io_slice(&byte, 1));
    must(file->write(7, parts));
    EXPECT_EQ(must(read_bytes(*file, 7, data.size())), data);
    Bytes got(data.size());
    parts.clear();
    for (std::byte& byte : got) parts.push_back(io_slice(&byte, 1));
    must(file->read(7, parts));
    EXPECT_EQ(got, data);
  }
}

TEST_F(File, AFailedWriteBeyondTheEndDoesNotMoveTheEnd) {
  const auto file = create("failed", 1000);
  EXPECT_FALSE(write_bytes(*file, uint64_t{1} << 62, pattern(100, 1)));
  EXPECT_EQ(file->size(), 1000);
}

// Two writes under way while a third grows the file: the growth once cut off the second.
Task<> write_three_ways(Storage& file, const Bytes& data) {
  const iovec part = io_slice(std::span(data));
  auto far = file.write(8 << 20, IoSpan(&part, 1));
  auto& loop = async::Loop::current_thread();
  Result<void> far_done;
  bool ended = false;
  loop.spawn(std::move(far), [&](Result<void> result) {
    far_done = std::move(result);
    ended = true;
  });
  CO_TRY(co_await loop.yield());
  CO_TRY(co_await file.write_zeroes(1 << 20, 1 << 20));
  while (!ended) CO_TRY(co_await loop.yield());
  co_return far_done;
}

TEST_F(File, GrowingByZeroesKeepsAWriteFurtherOnThatIsUnderWay) {
  const auto file = create("race", 0);
  const Bytes data = pattern(1 << 20, 1);
  must(write_three_ways(*file, data));
  EXPECT_EQ(file->size(), 9 << 20);
  EXPECT_EQ(must(read_bytes(*file, 8 << 20, 1 << 20)), data);
}

}  // namespace
}  // namespace oxbow::storage
