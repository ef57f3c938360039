// I/O through both back ends: bytes, shortness, errors, streams, and more requests than
// the ring has room for.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "loop_fixture.h"

namespace oxbow::async {
namespace {

class IoTest : public LoopTest {
 protected:
  Result<size_t> read_into(int fd, std::string& buffer, uint64_t offset, Inline how = Inline::no) {
    return loop_->run(read_task(*loop_, fd, buffer, offset, how));
  }
  Result<size_t> write_from(int fd, std::string buffer, uint64_t offset, int flags = 0,
                            Inline how = Inline::no) {
    return loop_->run(write_task(*loop_, fd, std::move(buffer), offset, flags, how));
  }

  static Task<size_t> read_task(Loop& loop, int fd, std::string& buffer, uint64_t offset,
                                Inline how) {
    const iovec vector{buffer.data(), buffer.size()};
    co_return co_await loop.read(fd, one(vector), offset, how);
  }
  static Task<size_t> write_task(Loop& loop, int fd, std::string buffer, uint64_t offset, int flags,
                                 Inline how) {
    const iovec vector{buffer.data(), buffer.size()};
    co_return co_await loop.write(fd, one(vector), offset, flags, how);
  }
};
OXBOW_BOTH_BACKENDS(IoTest);

TEST_P(IoTest, WrittenBytesAreReadBack) {
  for (const Inline how : {Inline::no, Inline::yes}) {
    const Descriptor file(temporary_file());
    EXPECT_EQ(*write_from(file, "hello, disk", 5, 0, how), 11U);
    std::string got(11, '?');
    EXPECT_EQ(*read_into(file, got, 5, how), 11U);
    EXPECT_EQ(got, "hello, disk");
  }
}

TEST_P(IoTest, ReadIsShortAtTheEndAndEmptyBeyond) {
  for (const Inline how : {Inline::no, Inline::yes}) {
    const Descriptor file(temporary_file("0123456789"));
    std::string got(8, '?');
    EXPECT_EQ(*read_into(file, got, 7, how), 3U);
    EXPECT_EQ(got.substr(0, 3), "789");
    EXPECT_EQ(*read_into(file, got, 10, how), 0U);
  }
}

Task<std::string> scatter(Loop& loop, int fd) {
  std::string a(3, '?');
  std::string b(4, '?');
  const std::array<iovec, 2> vectors{iovec{a.data(), a.size()}, iovec{b.data(), b.size()}};
  CO_TRY_ASSIGN(const size_t got, co_await loop.read(fd, vectors, 1));
  co_return a + "|" + b + "|" + std::to_string(got);
}

TEST_P(IoTest, SeveralBuffersInOneRequest) {
  const Descriptor file(temporary_file("0123456789"));
  EXPECT_EQ(*loop_->run(scatter(*loop_, file)), "123|4567|7");
}

TEST_P(IoTest, WriteFlagsReachTheKernel) {
  const Descriptor file(temporary_file());
  EXPECT_EQ(*write_from(file, "durable", 0, RWF_DSYNC), 7U);
  constexpr int no_such_flag = 1 << 30;
  expect_error(write_from(file, "x", 0, no_such_flag), ErrorKind::unsupported);
}

TEST_P(IoTest, ErrorsCarryTheErrno) {
  for (const Inline how : {Inline::no, Inline::yes}) {
    std::string buffer(10, 'x');
    const Result<size_t> bad = read_into(-1, buffer, 0, how);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().os_error(), EBADF);

    const Descriptor full(open("/dev/full", O_RDWR | O_CLOEXEC));
    const Result<size_t> written = write_from(full, "x", 0, 0, how);
    expect_error(written, ErrorKind::no_space);
    EXPECT_EQ(written.error().os_error(), ENOSPC);

    const Descriptor read_only(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Result<size_t> refused = write_from(read_only, "x", 0, 0, how);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().os_error(), EBADF);
  }
}

Task<void> allocate_and_sync(Loop& loop, int fd) {
  CO_TRY(co_await loop.fallocate(fd, 0, 0, 65536));
  CO_TRY(co_await loop.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  CO_TRY(co_await loop.fsync(fd, true));
  co_return co_await loop.fsync(fd, false);
}

TEST_P(IoTest, FallocateAndFsync) {
  const Descriptor file(temporary_file());
  EXPECT_TRUE(loop_->run(allocate_and_sync(*loop_, file)));
  struct stat status{};
  ASSERT_EQ(fstat(file, &status), 0);
  EXPECT_EQ(status.st_size, 65536);
}

Task<void> bad_fallocate(Loop& loop, int fd) { co_return co_await loop.fallocate(fd, 0, 0, 4096); }

TEST_P(IoTest, FallocateOfAPipeFails) {
  const Pipe pipe;
  const Result<void> result = loop_->run(bad_fallocate(*loop_, pipe.in));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().os_error(), ESPIPE);
}

Task<void> fill_block(Loop& loop, int fd, unsigned block) {
  std::vector<unsigned> values(1024, block);
  const iovec vector{values.data(), 4096};
  CO_TRY_ASSIGN(const size_t written, co_await loop.write(fd, one(vector), block * 4096ULL));
  if (written != 4096) co_return fail(ErrorKind::io, "short write");
  std::ranges::fill(values, 0);
  CO_TRY_ASSIGN(const size_t got, co_await loop.read(fd, one(vector), block * 4096ULL));
  if (got != 4096 || values.front() != block || values.back() != block) {
    co_return fail(ErrorKind::corrupt, "other bytes than written");
  }
  co_return {};
}

// The ring of the fixture has 8 entries.
TEST_P(IoTest, ManyMoreRequestsThanTheRingHolds) {
  const Descriptor file(temporary_file());
  unsigned good = 0;
  for (unsigned block = 0; block < 500; ++block) {
    loop_->spawn(fill_block(*loop_, file, block), [&good](Result<void> result) {
      EXPECT_TRUE(result) << result.error().message();
      ++good;
    });
  }
  loop_->drain();
  EXPECT_EQ(good, 500U);
}

Task<std::string> read_stream(Loop& loop, int fd) {
  std::string got;
  while (true) {
    std::string part(64, '?');
    const iovec vector{part.data(), part.size()};
    CO_TRY_ASSIGN(const size_t bytes, co_await loop.read(fd, one(vector), 0));
    if (bytes == 0) co_return got;
    got.append(part, 0, bytes);
  }
}

Task<void> write_stream(Loop& loop, Pipe& pipe) {
  for (int i = 0; i < 3; ++i) {
    const std::string text = "line " + std::to_string(i) + "\n";
    const iovec vector{const_cast<char*>(text.data()), text.size()};
    CO_TRY(co_await loop.write(pipe.in, one(vector), 0));
    CO_TRY(co_await loop.sleep_for(2ms));
  }
  pipe.in.reset();
  co_return {};
}

TEST_P(IoTest, PipesAreReadAsTheyFill) {
  Pipe pipe;
  loop_->spawn(write_stream(*loop_, pipe));
  EXPECT_EQ(*loop_->run(read_stream(*loop_, pipe.out)), "line 0\nline 1\nline 2\n");
}

// More idle streams than the fallback has threads must not stop other I/O.
TEST_P(IoTest, WaitingStreamsDoNotBlockFiles) {
  std::array<Pipe, 8> pipes;
  std::array<std::optional<Result<void>>, 8> ended;
  std::array<std::string, 8> texts;
  for (size_t i = 0; i < pipes.size(); ++i) {
    loop_->spawn(
        [](Loop& loop, int fd, std::string& text) -> Task<void> {
          CO_TRY_ASSIGN(text, co_await read_stream(loop, fd));
          co_return {};
        }(*loop_, pipes[i].out, texts[i]),
        store_in(ended[i]));
  }
  turns();
  const Descriptor file(temporary_file("contents"));
  std::string got(8, '?');
  EXPECT_EQ(*read_into(file, got, 0), 8U);
  for (Pipe& pipe : pipes) {
    EXPECT_EQ(write(pipe.in, "x", 1), 1);
    pipe.in.reset();
  }
  loop_->drain();
  for (const std::string& text : texts) EXPECT_EQ(text, "x");
}

Task<std::string> through(Loop& loop, int fd, std::span<char> memory, size_t at) {
  std::ranges::fill(memory, 'w');
  const iovec part{memory.data() + at, 4096};
  CO_TRY(co_await loop.write(fd, one(part), 0));
  std::ranges::fill(memory, '?');
  CO_TRY(co_await loop.read(fd, one(part), 0));
  co_return std::string(memory.data(), memory.size());
}

// Registration may be refused (memory limits) and must not change what is transferred:
// inside a registered buffer, across its end, and after it is gone.
TEST_P(IoTest, RegisteredBuffersTransferTheSameBytes) {
  const Descriptor file(temporary_file());
  std::vector<char> memory(16384);
  std::vector<RegisteredBuffer> many;
  for (int i = 0; i < 40; ++i) {
    many.push_back(loop_->register_buffer(std::as_writable_bytes(std::span(memory)).first(8192)));
  }
  for (const bool registered : {true, false}) {
    for (const size_t at : {0U, 4096U, 6000U, 12288U}) {
      std::string expected(memory.size(), '?');
      expected.replace(at, 4096, 4096, 'w');
      EXPECT_EQ(*loop_->run(through(*loop_, file, memory, at)), expected) << at;
    }
    std::thread([&] { EXPECT_TRUE(loop_->run(through(*loop_, file, memory, 100))); }).join();
    if (registered) many.clear();
  }
}

Task<short> wait_readable(Loop& loop, int fd) { co_return co_await loop.poll_fd(fd, POLLIN); }

TEST_P(IoTest, PollTellsWhatCame) {
  Pipe pipe;
  EXPECT_EQ(write(pipe.in, "x", 1), 1);
  EXPECT_EQ(*loop_->run(wait_readable(*loop_, pipe.out)) & POLLIN, POLLIN);
}

TEST_P(IoTest, PollOfABadDescriptorFails) {
  const Result<short> result = loop_->run(wait_readable(*loop_, 1000000));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().os_error(), EBADF);
}

Task<int> count_inline_reads(Loop& loop, int fd, const bool& stop) {
  int count = 0;
  char byte = 0;
  const iovec vector{&byte, 1};
  while (!stop && count < 1000000) {
    CO_TRY(co_await loop.read(fd, one(vector), 0, Inline::yes));
    ++count;
  }
  co_return count;
}

Task<void> set(bool& flag) {
  flag = true;
  co_return {};
}

Task<int> read_until_other_task_ran(Loop& loop, int fd) {
  bool stop = false;
  loop.spawn(set(stop));
  co_return co_await count_inline_reads(loop, fd, stop);
}

TEST_P(IoTest, InlineRequestsLetOtherTasksRun) {
  const Descriptor file(temporary_file("x"));
  EXPECT_LT(*loop_->run(read_until_other_task_ran(*loop_, file)), 1000);
}

}  // namespace
}  // namespace oxbow::async
