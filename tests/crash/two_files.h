// Power cuts that meet two files at once: each file's flush promises what was written to it, and
// says nothing about the other's.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "lent_storage.h"
#include "storage/crash.h"

namespace oxbow::testing {

/// What was done to two files, in the order of time.
class TwoFileLog {
 public:
  struct Event {
    size_t file = 0;
    std::optional<storage::CrashOperation> operation;  ///< absent: the file was flushed
  };

  TwoFileLog(storage::SparseBytes first, storage::SparseBytes second)
      : start_{std::move(first), std::move(second)} {
    for (size_t i = 0; i < 2; ++i) {
      files_[i] = std::make_shared<storage::CrashStorage>(start_[i]);
    }
  }

  /// The file as an image is to have it.
  [[nodiscard]] std::shared_ptr<storage::Storage> file(size_t which) {
    return std::make_shared<Recorder>(files_[which], which, events_);
  }
  [[nodiscard]] const std::vector<Event>& events() const { return *events_; }
  [[nodiscard]] const storage::SparseBytes& start(size_t which) const { return start_[which]; }

 private:
  // Notes each change after it was made, in both files' common order.
  class Recorder final : public storage::LentStorage {
   public:
    Recorder(std::shared_ptr<storage::CrashStorage> file, size_t which,
             std::shared_ptr<std::vector<Event>> events)
        : LentStorage(file), crash_(std::move(file)), which_(which), events_(std::move(events)) {}

    async::Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags) override {
      CO_TRY(co_await inner_->write(offset, from, flags));
      co_return note();
    }
    async::Task<> write_zeroes(uint64_t offset, uint64_t length,
                               storage::ZeroFlags flags) override {
      CO_TRY(co_await inner_->write_zeroes(offset, length, flags));
      co_return note();
    }
    async::Task<> discard(uint64_t offset, uint64_t length) override {
      CO_TRY(co_await inner_->discard(offset, length));
      co_return note();
    }
    async::Task<> truncate(uint64_t size, storage::Preallocation preallocation) override {
      CO_TRY(co_await inner_->truncate(size, preallocation));
      co_return note();
    }
    async::Task<> flush() override {
      CO_TRY(co_await inner_->flush());
      events_->push_back({which_, std::nullopt});
      seen_ = 0;
      co_return {};
    }

   private:
    Result<void> note() {
      const auto& epoch = crash_->log().epochs.back();
      for (; seen_ < epoch.size(); ++seen_) events_->push_back({which_, epoch[seen_]});
      return {};
    }

    std::shared_ptr<storage::CrashStorage> crash_;
    size_t which_;
    std::shared_ptr<std::vector<Event>> events_;
    size_t seen_ = 0;
  };

  std::array<storage::SparseBytes, 2> start_;
  std::array<std::shared_ptr<storage::CrashStorage>, 2> files_;
  std::shared_ptr<std::vector<Event>> events_ = std::make_shared<std::vector<Event>>();
};

/// The states that power cuts leave: at each moment what each file's flushes promised, and any part
/// of what came to it since.
class TwoFileCuts {
 public:
  struct State {
    std::array<storage::SparseBytes, 2> files;
    size_t moment = 0;  ///< events that had happened
  };

  TwoFileCuts(const TwoFileLog& log, size_t samples)
      : log_(log), samples_(samples), durable_{log.start(0), log.start(1)} {}

  /// Calls `look` with each state until it says false.
  template <class Look>
  void for_each(const Look& look) {
    for (size_t at = 0; at <= log_.events().size(); ++at) {
      const bool end = at == log_.events().size();
      // What was pending earlier is pending still until a flush.
      if ((end || !log_.events()[at].operation) && !cut(at, look)) return;
      if (!end) pass(log_.events()[at]);
    }
  }

 private:
  using Pending = std::vector<storage::CrashOperation>;

  void pass(const TwoFileLog::Event& event) {
    if (event.operation) {
      pending_[event.file].push_back(*event.operation);
      return;
    }
    for (const auto& operation : pending_[event.file]) operation.apply_to(durable_[event.file]);
    pending_[event.file].clear();
  }

  // All, none, only one file's, all but one, and some by chance.
  template <class Look>
  bool cut(size_t moment, const Look& look) {
    const size_t first = pending_[0].size();
    const size_t all = first + pending_[1].size();
    const auto keep = [&](const auto& wanted) {
      State state{durable_, moment};
      for (size_t i = 0; i < all; ++i) {
        const size_t file = i < first ? 0 : 1;
        if (wanted(i)) pending_[file][file == 0 ? i : i - first].apply_to(state.files[file]);
      }
      return look(state);
    };
    bool more = keep([](size_t) { return true; }) && keep([](size_t) { return false; }) &&
                keep([&](size_t i) { return i < first; }) &&
                keep([&](size_t i) { return i >= first; });
    for (size_t only = 0; more && only < all; ++only) {
      more = keep([&](size_t i) { return i == only; }) && keep([&](size_t i) { return i != only; });
    }
    for (size_t n = 0; more && n < samples_; ++n) {
      more = keep([&](size_t) { return (random_() & 1) != 0; });
    }
    return more;
  }

  const TwoFileLog& log_;
  size_t samples_;
  std::array<storage::SparseBytes, 2> durable_;
  std::array<Pending, 2> pending_;
  std::mt19937 random_{11};
};

}  // namespace oxbow::testing
