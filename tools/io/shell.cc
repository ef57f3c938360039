#include "shell.h"

#include <cstring>

#include "command.h"

namespace oxbow::tools::io {
namespace {

// Puts the words of `line` into the shell, each ended by a 0.
void split_words(Shell& shell, std::string_view line) {
  shell.line = line;
  shell.words.clear();
  for (char* at = shell.line.data(); *at != '\0';) {
    if (*at == ' ') {
      *at++ = '\0';
      continue;
    }
    shell.words.push_back(at);
    while (*at != ' ' && *at != '\0') ++at;
  }
}

bool accepts_count(const Command& command, const char* called, int count) {
  if (count >= command.least && (command.most == Command::any || count <= command.most)) {
    return true;
  }
  std::string expected;
  if (command.most == Command::any) {
    expected = fmt::format("at least {}", command.least);
  } else if (command.most == command.least) {
    expected = fmt::format("{}", command.least);
  } else {
    expected = fmt::format("between {} and {}", command.least, command.most);
  }
  fmt::print(stderr, "bad argument count {} to {}, expected {} arguments\n", count, called,
             expected);
  return false;
}

bool may_run(Shell& shell, const Call& call) {
  const Command& command = call.command;
  if (command.needs_file && !shell.image) {
    fmt::print(stderr, "no file open, try 'help open'\n");
    return false;
  }
  if (!accepts_count(command, call.argv[0], call.argc - 1)) return false;
  if (command.writes && !shell.image->writable()) {
    error_line(shell.context, "Block node is read-only");
    return false;
  }
  return true;
}

}  // namespace

Outcome run_line(Shell& shell, std::string_view line) {
  split_words(shell, line);
  if (shell.words.empty()) return Outcome::done;
  const Command* command = find_command(shell.words[0]);
  if (command == nullptr) {
    fmt::print(stderr, "command \"{}\" not found\n", shell.words[0]);
    return Outcome::failed;
  }
  const int argc = static_cast<int>(shell.words.size());
  shell.words.push_back(nullptr);
  const Call call{*command, argc, shell.words.data()};
  if (!may_run(shell, call)) return Outcome::failed;
  return command->run(shell, call);
}

void report_failure(Shell& shell, std::string_view verb, const Error& error) {
  if (!shell.context.stock_name) {
    fmt::print("{} failed: {}\n", verb, error.message());
    return;
  }
  if (error.kind() == ErrorKind::corrupt && !std::exchange(shell.told_corruption, true)) {
    report_corruption(error.message());
  }
  fmt::print("{} failed: {}\n", verb, std::strerror(error.as_errno()));
}

}  // namespace oxbow::tools::io
