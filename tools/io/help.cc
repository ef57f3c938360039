// help, with or without the name of a command.
#include "command.h"

namespace oxbow::tools::io {

Outcome run_help(Shell&, const Call& call) {
  if (call.argc == 1) {
    for (const Command& command : all_commands()) print_usage(command, command.name);
    fmt::print("\nUse 'help commandname' for extended help.\n");
    return Outcome::done;
  }
  const Command* command = find_command(call.argv[1]);
  if (command == nullptr) {
    fmt::print("command {} not found\n", call.argv[1]);
    return Outcome::failed;
  }
  print_usage(*command, call.argv[1]);
  fmt::print("{}", command->help);
  return Outcome::done;
}

Outcome run_quit(Shell&, const Call&) { return Outcome::quit; }

}  // namespace oxbow::tools::io
