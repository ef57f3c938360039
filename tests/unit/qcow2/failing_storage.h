// A storage over another of which one change fails, or all from one on.
#pragma once

#include <memory>

#include "lent_storage.h"

namespace oxbow::testing {

// The `at`-th change of the file fails, or all from it on.
class FailingStorage final : public storage::LentStorage {
 public:
  FailingStorage(std::shared_ptr<storage::Storage> inner, int at, int os_error, bool once)
      : LentStorage(std::move(inner)), at_(at), os_error_(os_error), once_(once) {}

  async::Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
    CO_TRY(fail_here());
    co_return co_await inner_->write(offset, from, flags);
  }
  async::Task<> write_zeroes(uint64_t offset, uint64_t length, storage::ZeroFlags flags) override {
    CO_TRY(fail_here());
    co_return co_await inner_->write_zeroes(offset, length, flags);
  }
  async::Task<> discard(uint64_t offset, uint64_t length) override {
    CO_TRY(fail_here(true));
    co_return co_await inner_->discard(offset, length);
  }
  async::Task<> flush() override {
    CO_TRY(fail_here());
    co_return co_await inner_->flush();
  }
  async::Task<> truncate(uint64_t size, storage::Preallocation preallocation) override {
    CO_TRY(fail_here());
    co_return co_await inner_->truncate(size, preallocation);
  }

  [[nodiscard]] bool failed() const { return count_ > at_; }
  /// Whether more than advice failed: space that is not given back does no harm.
  [[nodiscard]] bool change_failed() const { return change_failed_; }
  /// Changes of the file so far, those that failed among them.
  [[nodiscard]] int count() const { return count_; }

 private:
  Result<void> fail_here(bool advice = false) {
    const int number = count_++;
    if (once_ ? number != at_ : number < at_) return {};
    change_failed_ = change_failed_ || !advice;
    return fail(ErrorKind::io, "no", os_error_);
  }

  int at_;
  int os_error_;
  bool once_;
  int count_ = 0;
  bool change_failed_ = false;
};

}  // namespace oxbow::testing
