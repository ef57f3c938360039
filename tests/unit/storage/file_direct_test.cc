// O_DIRECT: requests that do not fit the device, and those that meet in one block.
#include <fcntl.h>
#include <unistd.h>

#include "async/task_group.h"
#include "storage/file.h"
#include "support.h"

namespace oxbow::storage {
namespace {

class FileDirect : public testing::Test {
 protected:
  void SetUp() override {
    FileCreateOptions create;
    create.path = folder_ / "direct";
    must(create_file(create));
    FileOptions options;
    options.path = create.path;
    options.writable = true;
    options.cache = CacheMode::none;
    file_ = must(open_file(options));
  }

  Folder folder_;
  std::unique_ptr<Storage> file_;
};

TEST_F(FileDirect, KnowsTheAlignmentOfTheDevice) {
  const Limits limits = file_->limits();
  EXPECT_GE(limits.request_alignment, 512);
  Bytes memory(2 * 65536);
  const auto base = reinterpret_cast<uintptr_t>(memory.data());
  std::byte* aligned = memory.data() + (65536 - base % 65536);
  // What it names works on the bare descriptor, half of it does not.
  must(write_bytes(*file_, 0, pattern(1 << 20, 1)));  // holes answer whatever the alignment
  const int fd = ::open(file_->filename().c_str(), O_RDONLY | O_DIRECT);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(::pread(fd, aligned, limits.request_alignment, limits.request_alignment),
            limits.request_alignment);
  EXPECT_LT(::pread(fd, aligned, limits.request_alignment, limits.request_alignment / 2), 0);
  ::close(fd);
}

TEST_F(FileDirect, AnUnalignedEndStaysWhereItIs) {
  must(write_bytes(*file_, 0, pattern(1000, 1)));
  EXPECT_EQ(file_->size(), 1000);
  EXPECT_EQ(std::filesystem::file_size(file_->filename()), 1000);
  must(write_bytes(*file_, 990, pattern(20, 2)));
  EXPECT_EQ(std::filesystem::file_size(file_->filename()), 1010);
  const Bytes got = must(read_bytes(*file_, 0, 2000));
  const Bytes first = pattern(1000, 1);
  EXPECT_TRUE(std::equal(got.begin(), got.begin() + 990, first.begin()));
  EXPECT_EQ(Bytes(got.begin() + 1010, got.end()), Bytes(990));
}

Task<> write_all_at_once(Storage& file, const Bytes& data, size_t piece) {
  async::TaskGroup group(64);
  std::vector<iovec> parts;
  for (size_t at = 0; at < data.size(); at += piece) {
    parts.push_back(io_slice(std::span(data).subspan(at, std::min(piece, data.size() - at))));
  }
  uint64_t offset = 0;
  Result<void> done;
  for (const iovec& part : parts) {
    done = co_await group.spawn(file.write(offset, IoSpan(&part, 1)));
    if (!done) break;
    offset += part.iov_len;
  }
  Result<void> joined = co_await group.join();
  co_return done ? joined : done;
}

TEST_F(FileDirect, NeighboursInOneBlockDoNotOverwriteEachOther) {
  const Bytes data = pattern(100000, 1);
  for (const size_t piece : {100, 333, 512, 700, 4096, 5000}) {
    must(file_->truncate(0));
    must(write_all_at_once(*file_, data, piece));
    EXPECT_EQ(must(read_bytes(*file_, 0, data.size())), data) << piece;
    EXPECT_EQ(std::filesystem::file_size(file_->filename()), data.size());
  }
}

TEST_F(FileDirect, LargeUnalignedRequestsGoInParts) {
  const Bytes data = pattern(5 << 20, 1);
  must(write_bytes(*file_, 77, data));
  EXPECT_EQ(must(read_bytes(*file_, 77, data.size())), data);
  EXPECT_EQ(must(read_bytes(*file_, 0, 77)), Bytes(77));
}

}  // namespace
}  // namespace oxbow::storage
