// The one table of commands and options that the help, the manual page and the shells' completions
// come from. A command's options are those of its syntax line; what each means is said once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::tools {

struct CommandHelp {
  std::string_view name;     ///< "bitmap"; "bitmap list" for a command below another
  std::string_view syntax;   ///< what follows the name
  std::string_view summary;  ///< one sentence without a full stop
  bool own = false;          ///< not under the stock names
};
std::span<const CommandHelp> command_help();

struct OptionHelp {
  std::string name;       ///< "-f", "--output"
  std::string argument;   ///< what its argument is called; empty: it has none
  std::string_view text;  ///< one sentence without a full stop
};
/// The options in a syntax line, in its order, and those that every command has.
std::vector<OptionHelp> options_of(const CommandHelp& command);

}  // namespace oxbow::tools
