// A kernel or container that denies io_uring: played by a seccomp filter in a process of
// its own, since a filter cannot be taken back.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>

#include "loop_fixture.h"

namespace oxbow::async {
namespace {

bool deny_io_uring(unsigned error) {
  std::array filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                    sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
                    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
                    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{filter.size(), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

Task<size_t> read_byte(Loop& loop, int fd) {
  char byte = 0;
  const iovec vector{&byte, 1};
  co_return co_await loop.read(fd, one(vector), 0);
}

// Exit status 0: the automatic choice read by threads, the explicit one was refused.
[[noreturn]] void read_without_io_uring(unsigned error) {
  if (!deny_io_uring(error)) std::_Exit(2);
  const Descriptor file(temporary_file("x"));
  Result<std::unique_ptr<Loop>> automatic = Loop::create();
  if (!automatic || (*automatic)->run(read_byte(**automatic, file)) != 1U) std::_Exit(3);
  const auto refused = Loop::create({.backend = LoopOptions::Backend::io_uring});
  std::_Exit(!refused && refused.error().os_error() == static_cast<int>(error) ? 0 : 4);
}

class DeniedIoUring : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Errors, DeniedIoUring, testing::Values(ENOSYS, EPERM, ENOMEM));

TEST_P(DeniedIoUring, ThreadsTakeOver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(read_without_io_uring(GetParam()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace oxbow::async
