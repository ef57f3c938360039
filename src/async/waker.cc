// The eventfd behind Backend::wake().
#include "async/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace oxbow::async {

Result<Waker> Waker::create() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return std::unexpected(Error::from_errno(errno, "eventfd"));
  return Waker(fd);
}

Waker::Waker(Waker&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Waker::~Waker() {
  if (fd_ >= 0) close(fd_);
}

// A full counter (EAGAIN) is as good as a write: the reader is woken either way.
void Waker::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void Waker::clear() const {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof count);
}

}  // namespace oxbow::async
