#include "help_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "command_help.h"

namespace oxbow::tools {
namespace {

// Words of an option's argument where they are a few.
std::string_view choices(std::string_view option) {
  if (option == "-f" || option == "-F" || option == "-O") return "qcow2 raw";
  if (option == "-t" || option == "-T") return "none writeback writethrough directsync unsafe";
  if (option == "--output") return "human json";
  if (option == "--preallocation") return "off metadata falloc full";
  if (option == "--trust") return "none same-directory all";
  if (option == "-r") return "leaks all unreadable";
  return {};
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  for (char c : text) {
    if (what.contains(c)) {
      out += by;
      if (by.ends_with('\\')) out += c;
    } else {
      out += c;
    }
  }
  return out;
}

// A hyphen is a minus sign in what is typed.
std::string roff(std::string_view text) {
  return replaced(replaced(text, "\\", "\\e"), "-", "\\-");
}

// Commands of one word, which the shells complete.
std::vector<CommandHelp> plain_commands() {
  std::vector<CommandHelp> plain;
  std::ranges::copy_if(command_help(), std::back_inserter(plain),
                       [](const CommandHelp& c) { return !c.name.contains(' '); });
  return plain;
}

std::string man_command(const CommandHelp& command) {
  std::string page = fmt::format(".SS {}\n.B oxbow {}\n{}\n.PP\nIt {}.\n", roff(command.name),
                                 roff(command.name), roff(command.syntax), roff(command.summary));
  for (const OptionHelp& option : options_of(command)) {
    page += fmt::format(".TP\n.B {}", roff(option.name));
    if (!option.argument.empty()) page += " " + roff(option.argument);
    page += fmt::format("\n{}.\n", roff(option.text));
  }
  return page;
}

std::string man_page() {
  std::string page =
      ".TH OXBOW 1 \"\" \"Oxbow " OXBOW_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\noxbow \\- makes, copies, examines and repairs disk images\n"
      ".SH SYNOPSIS\n.B oxbow\n[\\-h] [\\-V] [\\-T trace] command [options]\n"
      ".SH DESCRIPTION\nOxbow works on disk images, above all in the format qcow2. Its commands "
      "and\n"
      "their options are those of\n.BR qemu\\-img (1);\ncalled by a link of the name\n"
      ".B qemu\\-img\nor\n.B qemu\\-io\nit stands in for the tool of that name.\n"
      ".PP\nSizes are bytes; the suffixes k, M, G, T, P and E stand for powers of 1024.\n"
      ".SH COMMANDS\n";
  for (const CommandHelp& command : command_help()) page += man_command(command);
  page +=
      ".SH EXIT STATUS\n.TP\n.B 0\nDone.\n.TP\n.B 1\nAn error; compare: the images differ.\n.TP\n"
      ".B 2\ncheck: the image is damaged; compare: an image could not be opened.\n.TP\n.B 3\n"
      "check: clusters are leaked, and nothing else is wrong.\n.TP\n.B 63\n"
      "check: the format has no check.\n"
      ".SH SEE ALSO\n.BR qemu\\-img (1)\n";
  return page;
}

std::string words(const std::vector<OptionHelp>& options) {
  std::string out;
  for (const OptionHelp& option : options) {
    const bool joined = option.name.starts_with("--") && !option.argument.empty();
    out += fmt::format("{}{}{}", out.empty() ? "" : " ", option.name, joined ? "=" : "");
  }
  return out;
}

std::string bash_page() {
  std::string names;
  std::string cases;
  std::string values;
  for (const CommandHelp& command : plain_commands()) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", command.name);
    const std::vector<OptionHelp> options = options_of(command);
    cases += fmt::format("    {}) opts='{}' ;;\n", command.name, words(options));
    for (const OptionHelp& option : options) {
      if (option.argument.empty() || choices(option.name).empty()) continue;
      values += fmt::format("    {}:{}) values='{}' ;;\n", command.name, option.name,
                            choices(option.name));
    }
  }
  return fmt::format(R"(# bash completion for oxbow, made by "oxbow help bash"
_oxbow() {{
  local cur prev command='' opts='' values='' word i
  cur=${{COMP_WORDS[COMP_CWORD]}}
  prev=${{COMP_WORDS[COMP_CWORD-1]}}
  if [[ $cur == '=' ]]; then cur=; elif [[ $prev == '=' ]]; then prev=${{COMP_WORDS[COMP_CWORD-2]}}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  if [[ -z $command ]]; then
    COMPREPLY=($(compgen -W '{} --help --version --trace' -- "$cur"))
    return
  fi
  case $command in
{}  esac
  case $command:$prev in
{}  esac
  if [[ -n $values ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$opts" -- "$cur"))
    [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}}
complete -F _oxbow oxbow
)",
                     names, cases, values);
}

// Text between single quotes.
std::string quoted(std::string_view text) { return replaced(text, "'", "'\\''"); }

std::string zsh_option(const OptionHelp& option) {
  const std::string text = quoted(replaced(option.text, "[]:", "\\"));
  if (option.argument.empty()) return fmt::format("'{}[{}]'", option.name, text);
  const std::string_view values = choices(option.name);
  const std::string action = values.empty() ? "_files" : fmt::format("({})", values);
  return fmt::format("'{}{}[{}]:{}:{}'", option.name, option.name.starts_with("--") ? "=" : "",
                     text, option.argument, action);
}

std::string zsh_page() {
  std::string names;
  std::string cases;
  for (const CommandHelp& command : plain_commands()) {
    names += fmt::format("  '{}:{}'\n", command.name, quoted(replaced(command.summary, ":", "\\")));
    cases += fmt::format("  {})\n    _arguments", command.name);
    for (const OptionHelp& option : options_of(command)) {
      cases += " \\\n      " + zsh_option(option);
    }
    cases += " \\\n      '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef oxbow
# zsh completion for oxbow, made by "oxbow help zsh"
local -a commands
commands=(
{})
if (( CURRENT == 2 )); then
  _describe command commands
  return
fi
shift words
(( CURRENT-- ))
case $words[1] in
{}esac
)",
                     names, cases);
}

std::string fish_page() {
  std::string page = "# fish completion for oxbow, made by \"oxbow help fish\"\n";
  for (const CommandHelp& command : plain_commands()) {
    page += fmt::format("complete -c oxbow -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                        replaced(command.summary, "'", "\\"));
  }
  for (const CommandHelp& command : plain_commands()) {
    for (const OptionHelp& option : options_of(command)) {
      const bool word = option.name.starts_with("--");
      const std::string_view values = choices(option.name);
      page += fmt::format("complete -c oxbow -n '__fish_seen_subcommand_from {}' {} {} -d '{}'",
                          command.name, word ? "-l" : "-s", option.name.substr(word ? 2 : 1),
                          replaced(option.text, "'", "\\"));
      if (!option.argument.empty()) page += " -r";
      if (!values.empty()) page += fmt::format(" -f -a '{}'", values);
      page += '\n';
    }
  }
  return page;
}

}  // namespace

std::optional<std::string> help_page(std::string_view kind) {
  if (kind == "man") return man_page();
  if (kind == "bash") return bash_page();
  if (kind == "zsh") return zsh_page();
  if (kind == "fish") return fish_page();
  return std::nullopt;
}

}  // namespace oxbow::tools
