// The sub-commands. A new one: its declaration here, a line in main.cc's table, and its
// source beside the others. argv[0] is the sub-command's name; the result is the exit code.
#pragma once

#include "command_line.h"

namespace oxbow::tools {

int amend_main(const ToolContext& context, int argc, char** argv);
int bench_main(const ToolContext& context, int argc, char** argv);
int bitmap_main(const ToolContext& context, int argc, char** argv);
int bitmap_dump_main(const ToolContext& context, int argc, char** argv);
int bitmap_list_main(const ToolContext& context, int argc, char** argv);
int bitmap_durability_main(const ToolContext& context, int argc, char** argv);
int check_main(const ToolContext& context, int argc, char** argv);
int commit_main(const ToolContext& context, int argc, char** argv);
int compact_main(const ToolContext& context, int argc, char** argv);
int compare_main(const ToolContext& context, int argc, char** argv);
int convert_main(const ToolContext& context, int argc, char** argv);
int create_main(const ToolContext& context, int argc, char** argv);
int dd_main(const ToolContext& context, int argc, char** argv);
int measure_main(const ToolContext& context, int argc, char** argv);
int resize_main(const ToolContext& context, int argc, char** argv);
int du_main(const ToolContext& context, int argc, char** argv);
int info_main(const ToolContext& context, int argc, char** argv);
int rebase_main(const ToolContext& context, int argc, char** argv);
int snapshot_main(const ToolContext& context, int argc, char** argv);
int map_main(const ToolContext& context, int argc, char** argv);
/// The qemu-io shell.
int io_main(const ToolContext& context, int argc, char** argv);

/// The help, or one of the pages made from its table. Not under the stock names.
int help_main(const ToolContext& context, int argc, char** argv);
/// The help of -h, with or without a command.
void print_help(const ToolContext& context);
/// The two lines of --version.
void print_version(const ToolContext& context);

}  // namespace oxbow::tools
