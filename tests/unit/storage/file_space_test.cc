// When space runs out: errors that name the file, and nothing passed off as done.
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>

#include "storage/file.h"
#include "support.h"

namespace oxbow::storage {
namespace {

constexpr uint64_t limit = 1 << 20;

/// Files may not grow beyond `limit` bytes.
class SizeLimit {
 public:
  SizeLimit() {
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit lower = old_;
    lower.rlim_cur = limit;
    ::setrlimit(RLIMIT_FSIZE, &lower);
  }
  ~SizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit old_;
  sighandler_t handler_;
};

std::unique_ptr<Storage> open_new(const std::string& path, CacheMode cache) {
  FileCreateOptions create;
  create.path = path;
  must(create_file(create));
  FileOptions options;
  options.path = path;
  options.writable = true;
  options.cache = cache;
  return must(open_file(options));
}

TEST(FileSpace, AWriteThatDoesNotFitFailsAndNamesTheFile) {
  const Folder folder;
  for (const CacheMode mode : {CacheMode::writeback, CacheMode::writethrough, CacheMode::none}) {
    const auto file = open_new(folder / "small", mode);
    const SizeLimit size_limit;
    must(write_bytes(*file, 0, pattern(limit - 4096, 1)));
    const auto failed = write_bytes(*file, limit - 4096, pattern(8192, 2));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind(), ErrorKind::no_space);
    EXPECT_NE(failed.error().message().find("'" + file->filename() + "' at offset"),
              std::string::npos);
    EXPECT_LE(file->size(), limit);
    EXPECT_EQ(must(read_bytes(*file, 0, 100)), pattern(100, 1));
  }
}

TEST(FileSpace, APreallocationThatDoesNotFitLeavesTheFileAsItWas) {
  const Folder folder;
  const auto file = open_new(folder / "small", CacheMode::writeback);
  must(write_bytes(*file, 0, pattern(1000, 1)));
  const SizeLimit size_limit;
  for (const Preallocation how : {Preallocation::off, Preallocation::falloc, Preallocation::full}) {
    const auto failed = run(file->truncate(2 * limit, how));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind(), ErrorKind::no_space) << failed.error().message();
    EXPECT_EQ(file->size(), 1000);
    EXPECT_EQ(must(read_bytes(*file, 0, 1000)), pattern(1000, 1));
  }
}

/// A file system of one mebibyte; only root can have one.
class TinyFileSystem {
 public:
  TinyFileSystem()
      : mounted_(::mount("tmpfs", (folder_ / "").c_str(), "tmpfs", 0, "size=1m") == 0) {}
  ~TinyFileSystem() {
    if (mounted_) ::umount2((folder_ / "").c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  Folder folder_;
  bool mounted_;
};

TEST(FileSpace, PreallocationOnAFullDiskHasTheStockWords) {
  const TinyFileSystem disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a file system here";
  FileCreateOptions options;
  options.path = disk / "image";
  options.size = 4 << 20;
  options.preallocation = Preallocation::falloc;
  EXPECT_EQ(run(create_file(options)).error().message(),
            "Could not preallocate new data: No space left on device");
  options.preallocation = Preallocation::full;
  EXPECT_EQ(run(create_file(options)).error().message(),
            "Could not write zeros for preallocation: No space left on device");
  options.preallocation = Preallocation::metadata;
  EXPECT_EQ(run(create_file(options)).error().message(),
            "Unsupported preallocation mode: metadata");
}

TEST(FileSpace, ZeroesKeepTheirSpaceWhereTheKernelCanOnlyPunch) {
  const TinyFileSystem disk;  // tmpfs has no FALLOC_FL_ZERO_RANGE
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a file system here";
  const auto file = open_new(disk / "zeroes", CacheMode::writeback);
  must(write_bytes(*file, 0, pattern(100000, 1)));
  const uint64_t before = *file->allocated_bytes();
  must(file->write_zeroes(0, 50000, {.no_fallback = true}));
  EXPECT_EQ(*file->allocated_bytes(), before);
  EXPECT_EQ(must(read_bytes(*file, 0, 50000)), Bytes(50000));
  const Bytes rest = must(read_bytes(*file, 50000, 50000));
  const Bytes all = pattern(100000, 1);
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), all.begin() + 50000));
}

}  // namespace
}  // namespace oxbow::storage
