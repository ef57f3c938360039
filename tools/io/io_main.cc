// The io shell's own command line.
#include <getopt.h>

#include "../commands.h"
#include "../options.h"
#include "command.h"
#include "open.h"
#include "prompt.h"

namespace oxbow::tools::io {
namespace {

constexpr const char* usage_text = R"(
  -c, --cmd STRING     run the command in STRING; may be given several times
  -f, --format FMT     format of the image; probed where it is not given
      --image-opts     the file is a list of options (driver=qcow2,file.filename=...)
      --object DEF     make an object, such as a secret
      --trust MODE     which files the image may open: none, same-directory or all
  -r, --read-only      open for reading only
  -s, --snapshot       write to a temporary image over the file
  -n, --nocache        past the page cache, short for -t none
  -t, --cache MODE     writethrough (default), writeback, none, directsync or unsafe
  -d, --discard MODE   discards: unmap (default) or ignore
  -C, --copy-on-read   keep what is read from backing files in the image
  -i, --aio MODE       threads, native or io_uring
  -k, --native-aio     short for -i native
  -m, --misalign       misaligned memory for requests
  -U, --force-share    although another process holds the file's locks
  -T, --trace SPEC     accepted for compatibility; there are no trace events
  -h, --help           this text
  -V, --version        the version

Without -c, commands are read from standard input. 'help' lists them.
)";

constexpr size_t misalignment = 16;

enum : int { opt_own_trust = 256, opt_own_object, opt_own_image_opts };

struct Invocation {
  std::vector<std::string> commands;
  OpenRecipe recipe;
  std::string format;
  bool format_given = false;
};

void print_usage_of_shell(const ToolContext& context) {
  fmt::print("Usage: {}{} [OPTIONS]... [-c STRING]... [file]\n{}", context.program,
             context.stock_name ? "" : " io", usage_text);
}

// Gives an exit code where the program ends with the option.
std::optional<int> take_own_option(Shell& shell, Invocation& into, int letter) {
  const ToolContext& context = shell.context;
  switch (letter) {
    case 'c': into.commands.emplace_back(optarg); return std::nullopt;
    case 'f':
      into.format = optarg;
      into.format_given = true;
      return std::nullopt;
    case 'm':
      shell.read_buffers.set_shift(misalignment);
      shell.write_buffers.set_shift(misalignment);
      return std::nullopt;
    case 'T':
      if (accept_trace(context, optarg)) return std::nullopt;
      return 1;
    case opt_own_image_opts: shell.image_opts = true; return std::nullopt;
    case opt_own_trust: {
      const auto trust = parse_trust(optarg);
      if (trust) {
        into.recipe.options.trust = shell.trust = *trust;
        return std::nullopt;
      }
      error_report(context, "--trust must be used with none, same-directory or all as argument.");
      return 1;
    }
    case opt_own_object: {
      const Result<void> added = context.objects->add(optarg);
      if (added) return std::nullopt;
      error_report(context, added.error());
      return 1;
    }
    case 'V': print_version(context); return 0;
    case 'h': print_usage_of_shell(context); return 0;
    default: print_usage_of_shell(context); return 1;
  }
}

std::optional<int> read_options(Shell& shell, Invocation& into, int argc, char** argv) {
  static constexpr option long_options[] = {
      {"cmd", required_argument, nullptr, 'c'},
      {"format", required_argument, nullptr, 'f'},
      {"read-only", no_argument, nullptr, 'r'},
      {"snapshot", no_argument, nullptr, 's'},
      {"nocache", no_argument, nullptr, 'n'},
      {"copy-on-read", no_argument, nullptr, 'C'},
      {"misalign", no_argument, nullptr, 'm'},
      {"native-aio", no_argument, nullptr, 'k'},
      {"aio", required_argument, nullptr, 'i'},
      {"cache", required_argument, nullptr, 't'},
      {"discard", required_argument, nullptr, 'd'},
      {"trace", required_argument, nullptr, 'T'},
      {"force-share", no_argument, nullptr, 'U'},
      {"help", no_argument, nullptr, 'h'},
      {"version", no_argument, nullptr, 'V'},
      {"object", required_argument, nullptr, opt_own_object},
      {"image-opts", no_argument, nullptr, opt_own_image_opts},
      {"trust", required_argument, nullptr, opt_own_trust},
      {}};
  // getopt tells mistakes under the name that argv begins with.
  std::string program = shell.context.program;
  argv[0] = program.data();
  optind = 0;
  int letter;
  while ((letter = getopt_long(argc, argv, "hVc:d:f:rsnCmki:t:T:U", long_options, nullptr)) != -1) {
    switch (take_open_flag(shell.context, letter, optarg, into.recipe.options)) {
      case FlagUse::taken: continue;
      case FlagUse::wrong: return 1;
      case FlagUse::unknown: break;
    }
    if (const auto code = take_own_option(shell, into, letter)) return code;
  }
  if (argc - optind <= 1) return std::nullopt;
  print_usage_of_shell(shell.context);
  return 1;
}

// The file of the command line, opened by its name or by options. False, and told.
bool open_operand(Shell& shell, Invocation& invocation, const char* operand) {
  OpenRecipe& recipe = invocation.recipe;
  if (shell.image_opts) {
    recipe.tree = parse_image_options(shell.context, operand);
  } else {
    recipe.name = operand;
    if (invocation.format_given && invocation.format.empty()) {
      error_report(shell.context, "can't open device {}: Unknown driver ''", operand);
      return false;
    }
    recipe.options.format = invocation.format;
  }
  return open_into(shell, std::move(recipe));
}

bool run_commands(Shell& shell, const std::vector<std::string>& commands) {
  bool good = true;
  for (const std::string& command : commands) {
    const Outcome outcome = run_line(shell, command);
    if (outcome == Outcome::quit) break;
    good = good && outcome == Outcome::done;
  }
  return good;
}

int run_shell(const ToolContext& context, int argc, char** argv) {
  Shell shell(context);
  Invocation invocation;
  invocation.recipe.options = default_open_options(shell);
  if (const auto code = read_options(shell, invocation, argc, argv)) return *code;
  if (shell.image_opts && invocation.format_given) {
    error_report(context, "--image-opts and -f are mutually exclusive");
    return 1;
  }
  if (optind < argc && !open_operand(shell, invocation, argv[optind])) return 1;
  bool good = invocation.commands.empty() ? run_standard_input(shell)
                                          : run_commands(shell, invocation.commands);
  if (shell.image && !close_image(shell)) good = false;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace oxbow::tools::io

namespace oxbow::tools {

int io_main(const ToolContext& context, int argc, char** argv) {
  return io::run_shell(context, argc, argv);
}

}  // namespace oxbow::tools
