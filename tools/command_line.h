// What every sub-command starts from: the name it was called by, errors in the stock tools'
// words, and its options read by getopt_long exactly as theirs are.
#pragma once

#include <fmt/format.h>
#include <getopt.h>
#include <oxbow/error.h>
#include <oxbow/options.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "objects.h"

namespace oxbow::tools {

struct ToolContext {
  std::string program = "oxbow";        ///< prefix of every error: "qemu-img", "qemu-io" or "oxbow"
  bool stock_name = false;              ///< called by a stock tool's name
  Trust trust = Trust::same_directory;  ///< default of --trust
  /// What --object has made, for the whole command.
  std::shared_ptr<ObjectSet> objects = std::make_shared<ObjectSet>();

  /// For OpenOptions and CreateOptions.
  [[nodiscard]] SecretSource secrets() const { return secrets_of(objects); }
};

/// "program: message" and a newline to stderr.
void error_line(const ToolContext& context, std::string_view message);
/// "program: warning: message" and a newline to stderr.
void warning_line(const ToolContext& context, std::string_view message);
/// What a check or a repair found, as the stock tools print it to stderr.
void finding_line(const ToolContext& context, const CheckFinding& finding);

template <class... Args>
void error_report(const ToolContext& context, fmt::format_string<Args...> format, Args&&... args) {
  error_line(context, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn_report(const ToolContext& context, fmt::format_string<Args...> format, Args&&... args) {
  warning_line(context, fmt::format(format, std::forward<Args>(args)...));
}
/// "program: where: message", then the error's hint; without "where: " where it is empty.
void error_report(const ToolContext& context, const Error& error, std::string_view where = {});
/// The stock tools' line about damage met while reading.
void report_corruption(std::string_view message);
/// A failed access to an open image. The stock tools say what is corrupt on a line of its own
/// and then "program: where: " with errno's words; `oxbow` gives the whole message in one.
void report_image_error(const ToolContext& context, const Error& error, std::string_view where);
/// Two copies that a driver compares are not alike: told as the stock tools do, who end there.
[[noreturn]] void end_at_mismatch(const std::string& message);
/// A misuse: "program: message", then "Try 'program --help' for more information". Returns 1.
int usage_error(const ToolContext& context, std::string_view message);

/// The words of --trust.
std::optional<Trust> parse_trust(std::string_view text);

/// Values of long options that have no letter; a command's own begin at `first_own`.
enum LongOption : int {
  opt_object = 256,  ///< handled by CommandLine
  opt_trust,         ///< handled by CommandLine
  opt_help,          ///< handled by CommandLine
  opt_image_opts,
  opt_output,
  first_own = 300,
};

/// One pass over a sub-command's arguments. -h/--help, --object and --trust are dealt with
/// here; an unknown option or a missing argument ends the pass after telling the user.
///
///   CommandLine line(context, argc, argv, "f:U", {{"force-share", no_argument, nullptr, 'U'}});
///   for (int option; (option = line.next()) != CommandLine::end;) switch (option) { ... }
///   if (line.exit_code()) return *line.exit_code();
class CommandLine {
 public:
  static constexpr int end = -1;

  /// `short_options` without a leading ':' and without 'h'; argv[0] is the command's name.
  /// A bad --object leaves with `object_error_code`.
  CommandLine(const ToolContext& context, int argc, char** argv, std::string_view short_options,
              std::vector<option> long_options, int object_error_code = 1);

  /// An option that is no option, or lacks its argument: getopt's own line and the help, and the
  /// command leaves with 0. Called before the first next().
  void answer_mistakes_with_help();

  /// The next option's letter or value, or `end`.
  int next();
  /// The argument of the option that next() returned last.
  [[nodiscard]] const char* argument() const;
  /// Set once the command has to leave at once (help was shown: 0, a mistake: 1).
  [[nodiscard]] std::optional<int> exit_code() const { return exit_code_; }

  /// What is not an option, in order; valid after `end`.
  [[nodiscard]] std::span<char* const> operands() const;
  [[nodiscard]] Trust trust() const { return trust_; }

 private:
  int leave(int code);
  bool handle_common(int option);

  const ToolContext& context_;
  int argc_;
  char** argv_;
  std::string short_options_;
  std::vector<option> long_options_;
  int object_error_code_;
  bool help_for_mistakes_ = false;
  std::optional<int> exit_code_;
  Trust trust_;
};

}  // namespace oxbow::tools
