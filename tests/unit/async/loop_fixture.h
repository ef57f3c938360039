// A loop for each back end, and after every test the proof that no frame was leaked.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "async/frame_pool.h"
#include "async/loop.h"
#include "async/sync.h"
#include "async/task_group.h"

namespace oxbow::async {

using namespace std::chrono_literals;

inline std::span<const iovec> one(const iovec& vector) { return {&vector, 1}; }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) { EXPECT_GE(fd, 0); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  operator int() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Pipe() : Pipe(make()) {}
  Descriptor out;  // to read from
  Descriptor in;   // to write to

 private:
  explicit Pipe(const std::array<int, 2>& ends) : out(ends[0]), in(ends[1]) {}
  static std::array<int, 2> make() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe(ends.data()), 0);
    return ends;
  }
};

/// An unlinked file with the given contents.
inline int temporary_file(const std::string& contents = {}) {
  std::string name = (std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp");
  name += "/oxbow-async-XXXXXX";
  const int fd = mkstemp(name.data());
  EXPECT_GE(fd, 0);
  unlink(name.c_str());
  EXPECT_EQ(pwrite(fd, contents.data(), contents.size(), 0), static_cast<ssize_t>(contents.size()));
  return fd;
}

class LoopTest : public testing::TestWithParam<LoopOptions::Backend> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> made = Loop::create({.backend = GetParam(), .queue_depth = 8});
    if (!made && GetParam() == LoopOptions::Backend::io_uring) {
      GTEST_SKIP() << "io_uring is denied here: " << made.error().message();
    }
    ASSERT_TRUE(made) << made.error().message();
    loop_ = *std::move(made);
  }
  void TearDown() override {
    loop_.reset();
    EXPECT_EQ(frame_pool::live(), frames_before_) << "coroutine frames leaked";
  }

  /// A few turns; enough for what needs no waiting.
  void turns() {
    for (int i = 0; i < 4; ++i) loop_->poll();
  }

  std::unique_ptr<Loop> loop_;

 private:
  long frames_before_ = frame_pool::live();
};

inline std::string name_of_backend(const testing::TestParamInfo<LoopOptions::Backend>& info) {
  return info.param == LoopOptions::Backend::io_uring ? "io_uring" : "threads";
}

#define OXBOW_BOTH_BACKENDS(Fixture)                                                  \
  INSTANTIATE_TEST_SUITE_P(                                                           \
      Backends, Fixture,                                                              \
      testing::Values(LoopOptions::Backend::io_uring, LoopOptions::Backend::threads), \
      name_of_backend)

/// Expects a failed Result of the kind.
template <class T>
void expect_error(const Result<T>& result, ErrorKind kind) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), kind) << result.error().message();
}

/// Stores what a spawned task ended with: `loop.spawn(task, store_in(slot))`.
inline std::function<void(Result<void>)> store_in(std::optional<Result<void>>& slot) {
  return [&slot](Result<void> result) { slot.emplace(std::move(result)); };
}

}  // namespace oxbow::async
