// One command of the shell: how it is called, its help, and what is asked of the image before
// it runs. Every command's function is declared here and defined in the file of its concept.
#pragma once

#include <span>
#include <string_view>

#include "shell.h"

namespace oxbow::tools::io {

struct Command;

/// One call: argv[0] is the name that was typed.
struct Call {
  const Command& command;
  int argc;
  char** argv;
};

struct Command {
  static constexpr int any = -1;

  std::string_view name;
  std::string_view short_name;  ///< empty: none
  Outcome (*run)(Shell&, const Call&);
  int least = 0;  ///< arguments after the name, flags counted
  int most = 0;   ///< any: no limit
  bool needs_file = true;
  bool writes = false;       ///< refused on a read-only image
  std::string_view usage;    ///< flags and operands
  std::string_view purpose;  ///< one line
  std::string_view help;     ///< the rest of `help NAME`; may be empty
};

std::span<const Command> all_commands();
/// nullptr where there is none of that name or short name.
const Command* find_command(std::string_view name);

/// "name usage -- purpose", as `called`.
void print_usage(const Command& command, std::string_view called);
/// The same for a call with wrong flags or operands; always Outcome::failed.
Outcome refuse_usage(const Call& call);

Outcome run_read(Shell& shell, const Call& call);
Outcome run_readv(Shell& shell, const Call& call);
Outcome run_write(Shell& shell, const Call& call);
Outcome run_writev(Shell& shell, const Call& call);
Outcome run_aio_read(Shell& shell, const Call& call);
Outcome run_aio_write(Shell& shell, const Call& call);
Outcome run_aio_flush(Shell& shell, const Call& call);
Outcome run_flush(Shell& shell, const Call& call);
Outcome run_discard(Shell& shell, const Call& call);
Outcome run_truncate(Shell& shell, const Call& call);
Outcome run_length(Shell& shell, const Call& call);
Outcome run_info(Shell& shell, const Call& call);
Outcome run_alloc(Shell& shell, const Call& call);
Outcome run_map(Shell& shell, const Call& call);
Outcome run_open(Shell& shell, const Call& call);
Outcome run_close(Shell& shell, const Call& call);
Outcome run_reopen(Shell& shell, const Call& call);
Outcome run_break(Shell& shell, const Call& call);
Outcome run_remove_break(Shell& shell, const Call& call);
Outcome run_resume(Shell& shell, const Call& call);
Outcome run_wait_break(Shell& shell, const Call& call);
Outcome run_sleep(Shell& shell, const Call& call);
Outcome run_abort(Shell& shell, const Call& call);
Outcome run_sigraise(Shell& shell, const Call& call);
Outcome run_help(Shell& shell, const Call& call);
Outcome run_quit(Shell& shell, const Call& call);

}  // namespace oxbow::tools::io
