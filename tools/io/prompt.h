// Where the shell's command lines come from when none were given on its own.
#pragma once

#include "shell.h"

namespace oxbow::tools::io {

/// Runs the lines of standard input, each after a prompt, until it ends or one says quit.
/// Requests that are under way go on while the user types. Whether all lines succeeded.
bool run_standard_input(Shell& shell);

}  // namespace oxbow::tools::io
