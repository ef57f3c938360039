// Every command of the shell, in the order of `help`. The texts of `help` are those that
// users of the stock shell know.
#include <algorithm>
#include <array>

#include "command.h"
#include "help_texts.h"

namespace oxbow::tools::io {
namespace {

constexpr int any = Command::any;

// name, short name, function, least and most arguments, needs a file, writes, usage, purpose,
// further help
constexpr std::array table = {
    Command{"abort", "", run_abort, 0, 0, false, false, "",
            "simulate a program crash using abort(3)", ""},
    Command{"aio_flush", "", run_aio_flush, 0, 0, true, false, "",
            "completes all outstanding aio requests", ""},
    Command{"aio_read", "", run_aio_read, 2, any, true, false,
            "[-Ciqv] [-P pattern] off len [len..]", "asynchronously reads a number of bytes",
            help_aio_read},
    Command{"aio_write", "", run_aio_write, 2, any, true, true,
            "[-Cfiquz] [-P pattern] off len [len..]", "asynchronously writes a number of bytes",
            help_aio_write},
    Command{"alloc", "a", run_alloc, 1, 2, true, false, "offset [count]",
            "checks if offset is allocated in the file", ""},
    Command{"break", "", run_break, 2, 2, true, false, "event tag",
            "sets a breakpoint on event and tags the stopped request as tag", ""},
    Command{"close", "c", run_close, 0, 0, true, false, "", "close the current open file", ""},
    Command{"discard", "d", run_discard, 2, any, true, true, "[-Cq] off len",
            "discards a number of bytes at a specified offset", help_discard},
    Command{"flush", "f", run_flush, 0, 0, true, false, "", "flush all in-core file state to disk",
            ""},
    Command{"help", "?", run_help, 0, 1, false, false, "[command]", "help for one or all commands",
            ""},
    Command{"info", "i", run_info, 0, 0, true, false, "",
            "prints information about the current file", ""},
    Command{"length", "l", run_length, 0, 0, true, false, "", "gets the length of the current file",
            ""},
    Command{"map", "", run_map, 0, 0, true, false, " ", "prints the allocated areas of a file", ""},
    Command{"open", "o", run_open, 1, any, false, false,
            "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]",
            "open the file specified by path", help_open},
    Command{"quit", "q", run_quit, 0, any, false, false, "", "exit the program", ""},
    Command{"read", "r", run_read, 2, any, true, false,
            "[-abCqv] [-P pattern [-s off] [-l len]] off len",
            "reads a number of bytes at a specified offset", help_read},
    Command{"readv", "", run_readv, 2, any, true, false, "[-Cqv] [-P pattern] off len [len..]",
            "reads a number of bytes at a specified offset", help_readv},
    Command{"remove_break", "", run_remove_break, 1, 1, true, false, "tag",
            "remove a breakpoint by tag", ""},
    Command{"reopen", "", run_reopen, 0, any, true, false, "[(-r|-w)] [-c cache] [-o options]",
            "reopens an image with new options", help_reopen},
    Command{"resume", "", run_resume, 1, 1, true, false, "tag", "resumes the request tagged as tag",
            ""},
    Command{"sigraise", "", run_sigraise, 1, 1, false, false, "signal", "raises a signal",
            help_sigraise},
    Command{"sleep", "", run_sleep, 1, 1, false, false, "",
            "waits for the given value in milliseconds", ""},
    Command{"truncate", "t", run_truncate, 1, 3, true, true, "[-m prealloc_mode] off",
            "truncates the current file at the given offset", ""},
    Command{"wait_break", "", run_wait_break, 1, 1, true, false, "tag",
            "waits for the suspension of a request", ""},
    Command{"write", "w", run_write, 2, any, true, true,
            "[-bcCfnquz] [-P pattern | -s source_file] off len",
            "writes a number of bytes at a specified offset", help_write},
    Command{"writev", "", run_writev, 2, any, true, true, "[-Cfq] [-P pattern] off len [len..]",
            "writes a number of bytes at a specified offset", help_writev},
};

}  // namespace

std::span<const Command> all_commands() { return table; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find_if(table, [name](const Command& command) {
    return command.name == name || (!command.short_name.empty() && command.short_name == name);
  });
  return found == table.end() ? nullptr : &*found;
}

void print_usage(const Command& command, std::string_view called) {
  // A usage of one blank stands for the two that the stock shell prints there.
  const std::string_view gap = command.usage.empty() ? "" : " ";
  const std::string_view usage = command.usage == " " ? "" : command.usage;
  fmt::print("{}{}{} -- {}\n", called, gap, usage, command.purpose);
}

Outcome refuse_usage(const Call& call) {
  print_usage(call.command, call.command.name);
  return Outcome::failed;
}

}  // namespace oxbow::tools::io
