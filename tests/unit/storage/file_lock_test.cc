// Locks: between two opens of ours, and with the stock tools in both directions.
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "storage/file.h"
#include "support.h"

extern char** environ;

namespace oxbow::storage {
namespace {

enum class Kind { raw, qcow2 };

class FileLock : public testing::Test {
 protected:
  void SetUp() override {
    FileCreateOptions options;
    options.path = path_;
    options.size = 1 << 20;
    must(create_file(options));
  }

  Result<std::unique_ptr<Storage>> open(bool writable, Sharing sharing, bool force = false) {
    FileOptions options;
    options.path = path_;
    options.writable = writable;
    options.sharing = sharing;
    options.force_share = force;
    return run(open_file(options));
  }

  std::string outcome(bool writable, Sharing sharing, bool force = false) {
    const auto opened = open(writable, sharing, force);
    if (opened) return "opened";
    EXPECT_EQ(opened.error().kind(), ErrorKind::busy);
    EXPECT_EQ(opened.error().hint(), "Is another process using the image [" + path_ + "]?\n");
    return opened.error().message();
  }

  Folder folder_;
  std::string path_ = folder_ / "image";
};

constexpr char no_write[] = "Failed to get \"write\" lock";
constexpr char no_shared_write[] = "Failed to get shared \"write\" lock";

TEST_F(FileLock, AnImageHasOneWriter) {
  const auto writer = must(open(true, Sharing::read));
  EXPECT_EQ(outcome(true, Sharing::read), no_write);
  EXPECT_EQ(outcome(true, Sharing::write), no_write);
  EXPECT_EQ(outcome(false, Sharing::read), no_shared_write);
  EXPECT_EQ(outcome(false, Sharing::write), "opened");
  EXPECT_EQ(outcome(false, Sharing::read, true), "opened");
}

TEST_F(FileLock, AnImageHasManyReaders) {
  const auto reader = must(open(false, Sharing::read));
  EXPECT_EQ(outcome(false, Sharing::read), "opened");
  EXPECT_EQ(outcome(true, Sharing::read), no_write);
}

TEST_F(FileLock, RawFilesMayHaveManyWriters) {
  const auto writer = must(open(true, Sharing::write));
  EXPECT_EQ(outcome(true, Sharing::write), "opened");
  EXPECT_EQ(outcome(false, Sharing::read), no_shared_write);
}

TEST_F(FileLock, ClosingGivesTheLocksBack) {
  must(must(open(true, Sharing::read))->close());
  EXPECT_EQ(outcome(true, Sharing::read), "opened");
}

TEST_F(FileLock, AFailedClaimLeavesTheEarlierOne) {
  const auto first = must(open(true, Sharing::write));
  const auto second = must(open(true, Sharing::write));
  EXPECT_FALSE(first->set_sharing(Sharing::read));
  must(second->close());
  must(first->set_sharing(Sharing::read));
  EXPECT_EQ(outcome(true, Sharing::write), no_write);
  must(first->set_sharing(Sharing::write));
  EXPECT_EQ(outcome(true, Sharing::write), "opened");
}

TEST_F(FileLock, ForceShareIsForReaders) {
  const auto opened = open(true, Sharing::read, true);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message(), "force-share=on can only be used with read-only images");
}

TEST_F(FileLock, CreationDoesNotEmptyAnImageInUse) {
  const auto writer = must(open(true, Sharing::read));
  must(write_bytes(*writer, 0, pattern(100, 1)));
  FileCreateOptions options;
  options.path = path_;
  const auto created = run(create_file(options));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().message(), no_write);
  EXPECT_EQ(must(read_bytes(*writer, 0, 100)), pattern(100, 1));
}

TEST_F(FileLock, ResizingNeedsThatNobodyReliesOnTheLength) {
  const auto writer = must(open(true, Sharing::write));
  const auto other = must(open(true, Sharing::write));
  must(writer->truncate(1 << 21));
  EXPECT_EQ(writer->size(), 1 << 21);
  // Given back afterwards: another may claim the length.
  must(other->close());
  FileCreateOptions options;
  options.path = path_;
  must(create_file(options));
}

// With the stock tools -------------------------------------------------------------

class StockLock : public FileLock {
 protected:
  void SetUp() override {
    if (std::system("qemu-io --version >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "qemu-io is not installed";
    }
  }
  void TearDown() override { let_go(); }

  void make(Kind kind) {
    const std::string format = kind == Kind::raw ? "raw" : "qcow2";
    ASSERT_EQ(std::system(("qemu-img create -q -f " + format + " " + path_ + " 1M").c_str()), 0);
  }

  /// Stock qemu-io opens the image and holds it.
  void hold(Kind kind, bool writable) {
    std::string ready = folder_ / "ready";
    std::string command = std::string("exec qemu-io ") + (writable ? "" : "-r ") + "-f " +
                          (kind == Kind::raw ? "raw" : "qcow2") + " -c length -c 'sleep 60000' " +
                          path_ + " > " + ready;
    const char* arguments[] = {"sh", "-c", command.c_str(), nullptr};
    ASSERT_EQ(::posix_spawnp(&holder_, "sh", nullptr, nullptr, const_cast<char* const*>(arguments),
                             environ),
              0);
    // Its output is buffered when it is not a terminal, so /proc/locks is what tells.
    const std::string inode = std::to_string(inode_of(path_));
    for (int tries = 0; tries < 500 && !locked(inode); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(locked(inode));
    // The format driver adds its locks right after the first ones.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }

  void let_go() {
    if (holder_ == 0) return;
    ::kill(holder_, SIGKILL);
    ::waitpid(holder_, nullptr, 0);
    holder_ = 0;
  }

  std::string stock(const std::string& command) {
    const std::string output = folder_ / "output";
    (void)std::system((command + " >" + output + " 2>&1").c_str());
    std::ifstream stream(output);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  static uint64_t inode_of(const std::string& path) {
    struct stat facts;
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_ino : 0;
  }
  static bool locked(const std::string& inode) {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      if (line.find(":" + inode + " ") != std::string::npos) return true;
    }
    return false;
  }

  pid_t holder_ = 0;
};

TEST_F(StockLock, OursHonourAStockWriter) {
  make(Kind::qcow2);
  hold(Kind::qcow2, true);
  EXPECT_EQ(outcome(true, Sharing::read), no_write);
  EXPECT_EQ(outcome(true, Sharing::write), no_write);
  EXPECT_EQ(outcome(false, Sharing::read), no_shared_write);
  EXPECT_EQ(outcome(false, Sharing::read, true), "opened");
  let_go();
  EXPECT_EQ(outcome(true, Sharing::read), "opened");
}

TEST_F(StockLock, OursHonourAStockReader) {
  make(Kind::qcow2);
  hold(Kind::qcow2, false);
  EXPECT_EQ(outcome(true, Sharing::read), no_write);
  EXPECT_EQ(outcome(false, Sharing::read), "opened");
}

TEST_F(StockLock, OursShareARawFileWithAStockWriter) {
  make(Kind::raw);
  hold(Kind::raw, true);
  EXPECT_EQ(outcome(true, Sharing::write), "opened");
  EXPECT_EQ(outcome(true, Sharing::read), no_shared_write);
}

TEST_F(StockLock, StockHonoursOurWriter) {
  make(Kind::qcow2);
  const auto writer = must(open(true, Sharing::read));
  EXPECT_NE(stock("qemu-io -f qcow2 -c 'read 0 1' " + path_).find(no_write), std::string::npos);
  EXPECT_NE(stock("qemu-io -r -f qcow2 -c 'read 0 1' " + path_).find(no_shared_write),
            std::string::npos);
  EXPECT_EQ(stock("qemu-io -r -U -f qcow2 -c 'read 0 1' " + path_).find("lock"), std::string::npos);
  EXPECT_NE(stock("qemu-img create -f raw " + path_ + " 1M").find(no_write), std::string::npos);
}

TEST_F(StockLock, StockHonoursOurReader) {
  make(Kind::qcow2);
  const auto reader = must(open(false, Sharing::read));
  EXPECT_NE(stock("qemu-io -f qcow2 -c 'read 0 1' " + path_).find(no_write), std::string::npos);
  EXPECT_EQ(stock("qemu-io -r -f qcow2 -c 'read 0 1' " + path_).find("lock"), std::string::npos);
}

TEST_F(StockLock, StockSharesARawFileWithOurWriter) {
  make(Kind::raw);
  const auto writer = must(open(true, Sharing::write));
  EXPECT_EQ(stock("qemu-io -f raw -c 'write 0 512' " + path_).find("lock"), std::string::npos);
}

}  // namespace
}  // namespace oxbow::storage
