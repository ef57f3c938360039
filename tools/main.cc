// The one binary: finds out by which name it was called, reads the options that stand before
// a command, and hands over to the command.
#include <oxbow/options.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <system_error>

#include "commands.h"
#include "options.h"

namespace oxbow::tools {
namespace {

struct Command {
  std::string_view name;
  int (*run)(const ToolContext&, int, char**);
  bool own = false;  ///< unknown under the stock names
};

constexpr std::array commands = {
    Command{"amend", amend_main},       Command{"bench", bench_main},
    Command{"bitmap", bitmap_main},     Command{"check", check_main},
    Command{"commit", commit_main},     Command{"compact", compact_main, true},
    Command{"compare", compare_main},   Command{"convert", convert_main},
    Command{"create", create_main},     Command{"dd", dd_main},
    Command{"du", du_main, true},       Command{"help", help_main, true},
    Command{"info", info_main},         Command{"io", io_main},
    Command{"map", map_main},           Command{"measure", measure_main},
    Command{"rebase", rebase_main},     Command{"resize", resize_main},
    Command{"snapshot", snapshot_main},
};

ToolContext context_for(std::string_view called_by) {
  std::string_view name = called_by.substr(called_by.rfind('/') + 1);
  ToolContext context;
  if (name == "qemu-img" || name == "qemu-io") {
    context.program = name;
    context.stock_name = true;
    context.trust = Trust::all;
  }
  return context;
}

// The options before the command; gives an exit code where the program ends with them.
std::optional<int> read_standard_options(const ToolContext& context, int argc, char** argv) {
  static constexpr option long_options[] = {{"help", no_argument, nullptr, 'h'},
                                            {"version", no_argument, nullptr, 'V'},
                                            {"trace", required_argument, nullptr, 'T'},
                                            {}};
  int letter;
  while ((letter = getopt_long(argc, argv, "+:hVT:", long_options, nullptr)) != -1) {
    const char* word = argv[optind - 1];
    switch (letter) {
      case ':': return usage_error(context, fmt::format("missing argument for option '{}'", word));
      case 'h': print_help(context); return 0;
      case 'V': print_version(context); return 0;
      case 'T':
        if (!accept_trace(context, optarg)) return 1;
        break;
      default: return usage_error(context, fmt::format("unrecognized option '{}'", word));
    }
  }
  return std::nullopt;
}

int run(int argc, char** argv) {
  ToolContext context = context_for(argc > 0 ? argv[0] : "");
  if (context.program == "qemu-io") return io_main(context, argc, argv);
  if (argc < 2) return usage_error(context, "Not enough arguments");
  if (auto code = read_standard_options(context, argc, argv)) return *code;
  if (optind >= argc) return 0;
  argc -= optind;
  argv += optind;
  auto command = std::ranges::find(commands, std::string_view(argv[0]), &Command::name);
  if (command == commands.end() || (command->own && context.stock_name)) {
    return usage_error(context, fmt::format("Command not found: {}", argv[0]));
  }
  return command->run(context, argc, argv);
}

}  // namespace
}  // namespace oxbow::tools

int main(int argc, char** argv) try {
  int code = oxbow::tools::run(argc, argv);
  if (std::fflush(stdout) != 0 && code == 0) {
    std::perror(argv[0]);
    return 1;
  }
  return code;
} catch (const std::system_error& error) {
  // fmt::print's only failure: standard output or error does not take the text.
  fmt::print(stderr, "{}: {}\n", argv[0], error.what());
  return 1;
}
