// Breakpoints of the fault driver: break, remove_break, resume, wait_break.
#include <cstring>
#include <thread>

#include "command.h"

namespace oxbow::tools::io {
namespace {

Outcome tell(const Result<void>& done, const std::string& what) {
  if (done) return Outcome::done;
  fmt::print("{}: {}\n", what, std::strerror(done.error().as_errno()));
  return Outcome::failed;
}

}  // namespace

Outcome run_break(Shell& shell, const Call& call) {
  return tell(shell.image->add_breakpoint(call.argv[1], call.argv[2]), "Could not set breakpoint");
}

Outcome run_remove_break(Shell& shell, const Call& call) {
  return tell(shell.image->remove_breakpoint(call.argv[1]),
              fmt::format("Could not remove breakpoint {}", call.argv[1]));
}

Outcome run_resume(Shell& shell, const Call& call) {
  return tell(shell.image->resume_breakpoint(call.argv[1]), "Could not resume request");
}

// The stock shell waits for ever where nothing is under way that could still stop.
Outcome run_wait_break(Shell& shell, const Call& call) {
  while (!shell.image->is_suspended(call.argv[1])) {
    if (shell.in_flight == 0) {
      fmt::print("No request is under way that could stop at {}\n", call.argv[1]);
      return Outcome::failed;
    }
    shell.image->poll();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return Outcome::done;
}

}  // namespace oxbow::tools::io
