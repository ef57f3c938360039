// Commands about the process itself: sleep, abort, sigraise.
#include <csignal>
#include <cstdlib>
#include <thread>

#include "arguments.h"
#include "statistics.h"

namespace oxbow::tools::io {

Outcome run_abort(Shell&, const Call&) { std::abort(); }

Outcome run_sigraise(Shell& shell, const Call& call) {
  const auto number = parse_number(shell, call.argv[1]);
  if (!number) return Outcome::failed;
  if (*number > NSIG) {
    fmt::print("signal argument '{}' is too large to be a valid signal\n", call.argv[1]);
    return Outcome::failed;
  }
  // What was printed so far is not lost with the process.
  std::fflush(stdout);
  std::raise(static_cast<int>(*number));
  return Outcome::done;
}

Outcome run_sleep(Shell& shell, const Call& call) {
  char* end = nullptr;
  const long milliseconds = std::strtol(call.argv[1], &end, 0);
  if (end == call.argv[1] || *end != '\0' || milliseconds < 0) {
    fmt::print("{} is not a valid number\n", call.argv[1]);
    return Outcome::failed;
  }
  // More than fits is no wait at all, as in the stock shell.
  if (milliseconds > INT32_MAX) return Outcome::done;
  const auto wake = Clock::now() + std::chrono::milliseconds(milliseconds);
  while (shell.in_flight != 0 && shell.image && Clock::now() < wake) {
    shell.image->poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_until(wake);
  return Outcome::done;
}

}  // namespace oxbow::tools::io
