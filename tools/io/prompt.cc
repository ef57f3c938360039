#include "prompt.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace oxbow::tools::io {
namespace {

constexpr int round_milliseconds = 5;

// Standard input by lines, read without stdio: what poll(2) says must not lie in its buffer.
class LineSource {
 public:
  explicit LineSource(Shell& shell) : shell_(shell) {}

  // Nothing at the end.
  std::optional<std::string> next() {
    while (bytes_.find('\n', begin_) == std::string::npos) {
      if (!fill()) return rest();
    }
    return cut(bytes_.find('\n', begin_), 1);
  }

 private:
  std::string cut(size_t end, size_t separator) {
    std::string line = bytes_.substr(begin_, end - begin_);
    begin_ = end + separator;
    return line;
  }

  std::optional<std::string> rest() {
    if (begin_ >= bytes_.size()) return std::nullopt;
    return cut(bytes_.size(), 0);
  }

  bool fill() {
    wait();
    char buffer[4096];
    ssize_t got = 0;
    do {
      got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    bytes_.erase(0, begin_);
    begin_ = 0;
    bytes_.append(buffer, static_cast<size_t>(got));
    return true;
  }

  void wait() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (shell_.in_flight != 0 && shell_.image && ::poll(&input, 1, round_milliseconds) == 0) {
      shell_.image->poll();
      std::fflush(stdout);
    }
  }

  Shell& shell_;
  std::string bytes_;
  size_t begin_ = 0;  // of what was not handed out
};

}  // namespace

bool run_standard_input(Shell& shell) {
  bool good = true;
  LineSource lines(shell);
  for (;;) {
    fmt::print("{}> ", shell.context.program);
    std::fflush(stdout);
    const auto line = lines.next();
    if (!line) return good;
    const Outcome outcome = run_line(shell, *line);
    if (outcome == Outcome::quit) return good;
    good = good && outcome == Outcome::done;
  }
}

}  // namespace oxbow::tools::io
