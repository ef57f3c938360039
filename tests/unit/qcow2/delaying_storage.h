// A storage that lets other tasks run before each operation, so that what could happen
// between two steps of the engine does happen.
#pragma once

#include <memory>
#include <random>
#include <string>

#include "async/loop.h"
#include "storage/storage.h"

namespace oxbow::storage {

class DelayingStorage final : public Storage {
 public:
  DelayingStorage(std::unique_ptr<Storage> inner, uint32_t seed)
      : inner_(std::move(inner)), random_(seed) {}

  const std::string& filename() const override { return inner_->filename(); }
  std::string driver() const override { return inner_->driver(); }
  bool read_only() const override { return inner_->read_only(); }
  uint64_t size() const override { return inner_->size(); }

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
  // A discard destroys: late holes must not hit what has been allocated since.
  Task<> discard(uint64_t offset, uint64_t length) override {
    CO_TRY(co_await pause());
    co_return co_await inner_->write_zeroes(offset, length, {});
  }
  Task<> flush() override {
    CO_TRY(co_await pause());
    co_return co_await inner_->flush();
  }
  Task<> truncate(uint64_t size, Preallocation preallocation) override {
    return inner_->truncate(size, preallocation);
  }
  Task<Status> status(uint64_t offset, uint64_t length) override {
    return inner_->status(offset, length);
  }
  Task<> close() override { return inner_->close(); }

 private:
  Task<> pause() {
    for (unsigned turns = random_() % 4; turns != 0; --turns) {
      co_await async::Loop::current_thread().yield();
    }
    co_return {};
  }

  std::unique_ptr<Storage> inner_;
  std::mt19937 random_;
};

}  // namespace oxbow::storage
