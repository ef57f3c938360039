// A storage that lets other tasks run before each operation, so that what could happen
// between two steps of the engine does happen.
#pragma once

#include <random>

#include "async/loop.h"
#include "lent_storage.h"

namespace oxbow::storage {

class DelayingStorage final : public LentStorage {
 public:
  DelayingStorage(std::shared_ptr<Storage> inner, uint32_t seed)
      : LentStorage(std::move(inner)), random_(seed) {}

  Task<> read(uint64_t offset, IoSpan into) override {
    CO_TRY(co_await pause());
    co_return co_await inner_->read(offset, into);
  }
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags) override {
    CO_TRY(co_await pause());
    CO_TRY(co_await inner_->write(offset, from, flags));
    co_return co_await pause();
  }
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) override {
    CO_TRY(co_await pause());
    co_return co_await inner_->write_zeroes(offset, length, flags);
  }
  // A discard destroys: a late hole must not hit what has been allocated since.
  Task<> discard(uint64_t offset, uint64_t length) override {
    CO_TRY(co_await pause());
    const uint64_t end = std::min(offset + length, inner_->size());
    if (offset >= end) co_return {};
    co_return co_await inner_->write_zeroes(offset, end - offset, {});
  }
  Task<> flush() override {
    CO_TRY(co_await pause());
    co_return co_await inner_->flush();
  }

 private:
  Task<> pause() {
    for (unsigned turns = random_() % 4; turns != 0; --turns) {
      CO_TRY(co_await async::Loop::current_thread().yield());
    }
    co_return {};
  }

  std::mt19937 random_;
};

}  // namespace oxbow::storage
