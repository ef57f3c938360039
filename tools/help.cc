// --help and --version.
#include <fmt/format.h>

#include "commands.h"

#ifndef OXBOW_VERSION
#error "the build states the version"
#endif

namespace oxbow::tools {
namespace {

// The stock release whose words and outputs this build follows; scripts look for it.
constexpr const char* stock_version = "7.2.22";

constexpr const char* commands_help = R"(
    '-h', '--help'       display this help and exit
    '-V', '--version'    output version information and exit
    '-T', '--trace'      [[enable=]<pattern>][,events=<file>][,file=<file>]
                         accepted for compatibility; there are no trace events

Command syntax:
  bitmap (--merge SOURCE | --add | --remove | --clear | --enable | --disable)... [-b source_file [-F source_fmt]] [-g granularity] [--object objectdef] [--image-opts | -f fmt] filename bitmap
  bitmap list [--image-opts | -f fmt] [--output=ofmt] [-U] filename
  bitmap dump [--image-opts | -f fmt] [--output=ofmt] [-U] filename bitmap
  bitmap durability [--image-opts | -f fmt] close|process|power|default filename [bitmap]
  check [--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] [-T src_cache] [-U] filename
  commit [--object objectdef] [--image-opts] [-q] [-f fmt] [-t cache] [-b base] [-r rate_limit] [-d] [-p] filename
  compact [--image-opts | -f fmt] [--detect-zeroes] [--dry-run] [--output=ofmt] [-p] [-q] filename
  compare [--object objectdef] [--image-opts] [-f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U] filename1 filename2
  convert [--object objectdef] [--image-opts] [--target-image-opts] [--target-is-zero] [-U] [-C] [-p] [-q] [-n] [-f fmt] [-t cache] [-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] [-o options] [-S sparse_size] [-r rate_limit] [-m num_coroutines] [-W] [--salvage] filename [filename2 [...]] output_filename
  create [--object objectdef] [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]
  du [--image-opts | -f fmt] [--output=ofmt] [-U] filename...
  info [--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] [--backing-chain] [--untrusted] [-U] filename
  io [options] [-c command]... [filename]
  rebase [--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] [-T src_cache] [-p] [-u] -b backing_file [-F backing_fmt] filename
  snapshot [--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot | -c snapshot | -d snapshot] filename
  map [--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] [--max-length=len] [--output=ofmt] [-U] filename

Beside the stock tools' options, convert takes --dirty BITMAP: only what that dirty bitmap of
the source marks is copied, over the backing file (-B) or the target's contents (-n).
'bitmap list', 'bitmap dump', 'bitmap durability', 'compact' and 'du' are Oxbow's own, too. Under
the stock names they do not exist. 'compact' shortens an image's file in place; 'du' tells what the
disk, each snapshot and each bitmap hold, alone and shared.

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
  'options' is a comma separated list of format specific options in a
    name=value format; -o help lists those of a format
  '--untrusted' opens nothing besides the file itself
  '-b' names the backing file, '-F' its format
  '-u' makes the image without looking at its backing file
  '-h' with or without a command shows this help and lists the supported formats
  '-p' shows progress (only certain commands)
  '-q' prints nothing except errors
  '-U' opens the image although another process holds its locks

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
             commands_help);
}

}  // namespace oxbow::tools
