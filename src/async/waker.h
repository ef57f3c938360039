// An eventfd that ends a blocking wait of a loop from another thread.
#pragma once

#include "base/result.h"

namespace oxbow::async {

class Waker {
 public:
  static Result<Waker> create();
  Waker(Waker&& other) noexcept;
  Waker& operator=(Waker&&) = delete;
  ~Waker();

  /// Readable after wake() until clear().
  [[nodiscard]] int fd() const { return fd_; }
  /// Thread-safe.
  void wake() const;
  void clear() const;

 private:
  explicit Waker(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace oxbow::async
