// What the storage tests share: running a task, a folder that goes away, byte patterns.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "async/loop.h"
#include "storage/storage.h"

namespace oxbow::storage {

using Bytes = std::vector<std::byte>;

template <class T>
Result<T> run(Task<T> task) {
  return async::Loop::current_thread().run(std::move(task));
}

/// The value of a task that has to succeed.
template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
template <class T>
T must(Task<T> task) {
  return must(run(std::move(task)));
}

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "oxbow-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline Bytes pattern(size_t length, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(length);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() | 1);
  return bytes;
}

inline Result<void> write_bytes(Storage& storage, uint64_t offset, const Bytes& bytes,
                                WriteFlags flags = {}) {
  const iovec part = io_slice(std::span(bytes));
  return run(storage.write(offset, IoSpan(&part, 1), flags));
}

inline Result<Bytes> read_bytes(Storage& storage, uint64_t offset, size_t length) {
  Bytes bytes(length, std::byte{0xee});
  const iovec part = io_slice(std::span(bytes));
  TRY(run(storage.read(offset, IoSpan(&part, 1))));
  return bytes;
}

}  // namespace oxbow::storage
