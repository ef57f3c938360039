// --help and --version.
#include <fmt/format.h>

#include "command_help.h"
#include "commands.h"
#include "help_pages.h"

#ifndef OXBOW_VERSION
#error "the build states the version"
#endif

namespace oxbow::tools {
namespace {

// The stock release whose words and outputs this build follows; scripts look for it.
constexpr const char* stock_version = "7.2.22";

constexpr const char* options_help = R"(
    '-h', '--help'       display this help and exit
    '-V', '--version'    output version information and exit
    '-T', '--trace'      [[enable=]<pattern>][,events=<file>][,file=<file>]
                         accepted for compatibility; there are no trace events

Command syntax:
)";

constexpr const char* parameters_help = R"(
Beside the stock tools' options, convert takes --dirty BITMAP: only what that dirty bitmap of
the source marks is copied, over the backing file (-B) or the target's contents (-n).
'bitmap list', 'bitmap dump', 'bitmap durability', 'compact' and 'du' are Oxbow's own, too. Under
the stock names they do not exist. 'help man', 'help bash', 'help zsh' and 'help fish' print the
manual page and the shells' completions.

Every command takes --trust=none|same-directory|all: which backing and data files
an image may make it open. The default is 'all' under the stock names and
'same-directory' under the name oxbow.

Command parameters:
  'filename' is a disk image filename
  'objectdef' is an object definition; 'secret' is known:
    secret,id=ID,data=STRING[,format=raw|base64] or secret,id=ID,file=PATH
  'fmt' is the disk image format. It is guessed automatically in most cases
  'cache' is the cache mode of the output image: 'none', 'writeback' (default,
    except for convert), 'writethrough', 'directsync' or 'unsafe' (default for
    convert)
  'src_cache' is the cache mode of input images, with the same words
  'size' is the disk image size in bytes. Optional suffixes k or K (kilobyte,
    1024), M (megabyte, 1024k), G (gigabyte, 1024M), T (terabyte, 1024G),
    P (petabyte, 1024T) and E (exabyte, 1024P) are supported. 'b' is ignored.
  'ofmt' is 'human' (default) or 'json'
  'snapshot_param' is a snapshot's id or name, or
    'snapshot.id=[ID],snapshot.name=[NAME]'
  'options' is a comma separated list of format specific options in a
    name=value format; -o help lists those of a format
  '--untrusted' opens nothing besides the file itself
  '-b' names the backing file, '-F' its format
  '-u' makes the image without looking at its backing file
  '-h' with or without a command shows this help and lists the supported formats
  '-p' shows progress (only certain commands)
  '-q' prints nothing except errors
  '-U' opens the image although another process holds its locks

Parameters to dd:
  'bs=BYTES' so many bytes are a block (512); 'count=N' copies N blocks of the
  input, 'skip=N' leaves out its first N blocks; 'if=FILE', 'of=FILE'

Parameters to check:
  exit code 0: no errors; 1: the check failed; 2: corruption; 3: leaked clusters
  only; 63: the format has no check

Supported formats: blkdebug file null-co qcow2 raw
)";

}  // namespace

void print_version(const ToolContext& context) {
  if (context.stock_name) {
    fmt::print("{} version {} (Oxbow {})\n", context.program, stock_version, OXBOW_VERSION);
  } else {
    fmt::print("{} version {}\n", context.program, OXBOW_VERSION);
  }
  fmt::print("Copyright (c) 2026 The Oxbow authors\n");
}

void print_help(const ToolContext& context) {
  print_version(context);
  fmt::print("usage: {} [standard options] command [command options]\n{}", context.program,
             options_help);
  for (const CommandHelp& command : command_help()) {
    fmt::print("  {} {}\n", command.name, command.syntax);
  }
  fmt::print("{}", parameters_help);
}

int help_main(const ToolContext& context, int argc, char** argv) {
  const auto page = help_page(argc > 1 ? argv[1] : "");
  if (page && argc == 2) {
    fmt::print("{}", *page);
    return 0;
  }
  if (argc > 1) return usage_error(context, "help takes one of man, bash, zsh and fish");
  print_help(context);
  return 0;
}

}  // namespace oxbow::tools
