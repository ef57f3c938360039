// An operation is tried with each change of its files failing in turn: with EIO and with ENOSPC,
// alone and with all later ones, until nothing is left that could fail.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <string>
#include <vector>

#include "failing_storage.h"
#include "storage/memory.h"

namespace oxbow::testing {

struct Failure {
  const char* name;
  int os_error;
  bool once;
};

inline constexpr std::array failures = {
    Failure{"disk_full_once", ENOSPC, true}, Failure{"disk_full", ENOSPC, false},
    Failure{"io_error_once", EIO, true}, Failure{"io_error", EIO, false}};

/// A file as it is before the operation.
struct StartFile {
  storage::SparseBytes bytes;
  int least = 1;  ///< changes of it that the operation makes
};

/// Files in memory, one of which fails.
class FailingFiles {
 public:
  FailingFiles(const std::vector<StartFile>& start, size_t which, int at, const Failure& failure)
      : failure_(failure), at_(at) {
    for (const StartFile& one : start) {
      memory_.push_back(std::make_shared<storage::MemoryStorage>(one.bytes));
      files_.push_back(memory_.back());
    }
    failing_ = std::make_shared<FailingStorage>(files_[which], at, failure.os_error, failure.once);
    files_[which] = failing_;
  }

  [[nodiscard]] std::shared_ptr<storage::Storage> shared(size_t which = 0) const {
    return files_[which];
  }
  [[nodiscard]] std::unique_ptr<storage::Storage> file(size_t which = 0) const {
    return std::make_unique<storage::LentStorage>(files_[which]);
  }
  /// What the file has become.
  [[nodiscard]] const storage::SparseBytes& bytes(size_t which = 0) const {
    return memory_[which]->bytes();
  }
  [[nodiscard]] bool failed() const { return failing_->failed(); }
  /// A part of all the failures, for what takes long.
  [[nodiscard]] bool chosen() const { return at_ % 8 == 0; }
  [[nodiscard]] bool fails_once() const { return failure_.once; }

  /// Whoever failed says why; where every change failed from one on, that cannot be overlooked.
  void expect_told(const Result<void>& done) const {
    if (!done) {
      EXPECT_TRUE(failed()) << done.error().message();
      EXPECT_EQ(done.error().as_errno(), failure_.os_error) << done.error().message();
      EXPECT_NE(done.error().message(), "");
    } else if (!failure_.once) {
      EXPECT_FALSE(failing_->change_failed()) << "nobody was told";
    }
  }

 private:
  const Failure& failure_;
  int at_;
  std::vector<std::shared_ptr<storage::MemoryStorage>> memory_;
  std::vector<std::shared_ptr<storage::Storage>> files_;
  std::shared_ptr<FailingStorage> failing_;
};

/// The first of several results that is an error.
inline Result<void> first_of(std::initializer_list<Result<void>> results) {
  for (const Result<void>& one : results) {
    if (!one) return one;
  }
  return {};
}

/// `run(files)` opens them, does what is asked for, closes them and gives the first error;
/// `look(files, done)` holds what they have become against what they may be.
template <class Run, class Look>
void expect_failures_survived(const std::vector<StartFile>& start, const Run& run,
                              const Look& look) {
  for (size_t which = 0; which < start.size(); ++which) {
    for (const Failure& failure : failures) {
      for (int at = 0;; ++at) {
        SCOPED_TRACE(std::string(failure.name) + " at change " + std::to_string(at) + " of file " +
                     std::to_string(which));
        const FailingFiles files(start, which, at, failure);
        const Result<void> done = run(files);
        files.expect_told(done);
        look(files, done);
        if (::testing::Test::HasFailure()) return;
        if (files.failed()) continue;
        EXPECT_GE(at, start[which].least);
        break;
      }
    }
  }
}

}  // namespace oxbow::testing
