// Option passes and error reports, as the stock tools make them.
#include "command_line.h"

#include <cstdio>
#include <cstdlib>

#include "commands.h"

namespace oxbow::tools {

void error_line(const ToolContext& context, std::string_view message) {
  fmt::print(stderr, "{}: {}\n", context.program, message);
}

void warning_line(const ToolContext& context, std::string_view message) {
  // The stock tools' way of telling about probing and damage has no program in front.
  if (message.starts_with("WARNING: ") || message.starts_with("qcow2: ")) {
    fmt::print(stderr, "{}\n", message);
    return;
  }
  fmt::print(stderr, "{}: warning: {}\n", context.program, message);
}

void finding_line(const ToolContext& context, const CheckFinding& finding) {
  if (finding.about_check) return error_report(context, "{}", finding.text);
  fmt::print(stderr, "{}\n", finding.text);
}

void error_report(const ToolContext& context, const Error& error, std::string_view where) {
  std::string_view separator = where.empty() ? "" : ": ";
  fmt::print(stderr, "{}: {}{}{}\n{}", context.program, where, separator, error.message(),
             error.hint());
}

void report_corruption(std::string_view message) {
  fmt::print(stderr,
             "qcow2: Image is corrupt: {}; further non-fatal corruption events will be "
             "suppressed\n",
             message);
}

void report_image_error(const ToolContext& context, const Error& error, std::string_view where) {
  if (!context.stock_name) return error_report(context, error, where);
  if (error.kind() == ErrorKind::corrupt) report_corruption(error.message());
  error_report(context, Error::from_errno(error.as_errno()), where);
}

void end_at_mismatch(const std::string& message) {
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

int usage_error(const ToolContext& context, std::string_view message) {
  fmt::print(stderr, "{0}: {1}\nTry '{0} --help' for more information\n", context.program, message);
  return 1;
}

std::optional<Trust> parse_trust(std::string_view text) {
  if (text == "none") return Trust::none;
  if (text == "same-directory") return Trust::same_directory;
  if (text == "all") return Trust::all;
  return std::nullopt;
}

CommandLine::CommandLine(const ToolContext& context, int argc, char** argv,
                         std::string_view short_options, std::vector<option> long_options,
                         int object_error_code)
    : context_(context),
      argc_(argc),
      argv_(argv),
      short_options_(":h"),
      long_options_(std::move(long_options)),
      object_error_code_(object_error_code),
      trust_(context.trust) {
  short_options_ += short_options;
  long_options_.push_back({"help", no_argument, nullptr, opt_help});
  long_options_.push_back({"object", required_argument, nullptr, opt_object});
  long_options_.push_back({"trust", required_argument, nullptr, opt_trust});
  long_options_.push_back({});
  optind = 0;  // 0, not 1: glibc then forgets an earlier pass
}

void CommandLine::answer_mistakes_with_help() {
  help_for_mistakes_ = true;
  short_options_.erase(0, 1);  // without the ':' getopt speaks for itself
}

int CommandLine::next() {
  for (;;) {
    int option = getopt_long(argc_, argv_, short_options_.c_str(), long_options_.data(), nullptr);
    if (option == end) return end;
    if (!handle_common(option)) return option;
    if (exit_code_) return end;
  }
}

const char* CommandLine::argument() const { return optarg; }

std::span<char* const> CommandLine::operands() const {
  return {argv_ + optind, static_cast<size_t>(argc_ - optind)};
}

int CommandLine::leave(int code) {
  exit_code_ = code;
  return code;
}

// False where the option is the command's own.
bool CommandLine::handle_common(int option) {
  if (option == '?' && help_for_mistakes_) option = 'h';
  switch (option) {
    case '?':
      leave(usage_error(context_, fmt::format("unrecognized option '{}'", argv_[optind - 1])));
      return true;
    case ':':
      leave(usage_error(context_,
                        fmt::format("missing argument for option '{}'", argv_[optind - 1])));
      return true;
    case 'h':
    case opt_help:
      print_help(context_);
      leave(0);
      return true;
    case opt_object:
      if (auto added = context_.objects->add(optarg); !added) {
        error_report(context_, added.error());
        leave(object_error_code_);
      }
      return true;
    case opt_trust: {
      auto trust = parse_trust(optarg);
      if (!trust) {
        error_report(context_,
                     "--trust must be used with none, same-directory or all as argument.");
        leave(1);
        return true;
      }
      trust_ = *trust;
      return true;
    }
    default: return false;
  }
}

}  // namespace oxbow::tools
