// Commands on the image as a whole or on ranges without data: flush, discard, truncate, length.
#include <algorithm>
#include <array>

#include "arguments.h"
#include "requests.h"

namespace oxbow::tools::io {

Outcome run_flush(Shell& shell, const Call&) {
  const Result<void> done = shell.image->flush();
  if (done) return Outcome::done;
  // The stock shell says nothing here; its exit code does.
  if (!shell.context.stock_name) report_failure(shell, "flush", done.error());
  return Outcome::failed;
}

Outcome run_discard(Shell& shell, const Call& call) {
  Report report;
  Flags flags(call, "Cq");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    switch (letter) {
      case 'C': report.machine = true; break;
      case 'q': report.quiet = true; break;
      default: return refuse_usage(call);
    }
  }
  if (flags.operands() != 2) return refuse_usage(call);
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return Outcome::failed;
  const auto length = parse_number(shell, flags.operand(1));
  if (!length) return Outcome::failed;
  if (*length > max_request) {
    fmt::print("length cannot exceed {}, given {}\n", max_request, flags.operand(1));
    return Outcome::failed;
  }
  const auto begin = Clock::now();
  const Result<void> done = shell.image->discard(*offset, *length);
  const auto time = Clock::now() - begin;
  if (!done) {
    report_failure(shell, "discard", done.error());
    return Outcome::failed;
  }
  report_transfer(report, "discard", *offset, *length, time);
  return Outcome::done;
}

Outcome run_truncate(Shell& shell, const Call& call) {
  static constexpr std::array<std::string_view, 4> modes = {"off", "metadata", "falloc", "full"};
  Preallocation preallocation = Preallocation::off;
  Flags flags(call, "m:");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    if (letter != 'm') return refuse_usage(call);
    const auto mode = std::ranges::find(modes, std::string_view(flags.argument()));
    if (mode == modes.end()) {
      error_report(shell.context, "Invalid preallocation mode '{}'", flags.argument());
      return Outcome::failed;
    }
    preallocation = static_cast<Preallocation>(mode - modes.begin());
  }
  if (flags.operands() < 1) return refuse_usage(call);
  // The stock shell quotes the first argument here, whatever it is.
  const auto size = parse_number(shell, flags.operand(0), call.argv[1]);
  if (!size) return Outcome::failed;
  const Result<void> done = shell.image->resize(*size, preallocation, true);
  if (done) return Outcome::done;
  error_report(shell.context, done.error());
  return Outcome::failed;
}

Outcome run_length(Shell& shell, const Call&) {
  fmt::print("{}\n", human_bytes(static_cast<double>(shell.image->size())));
  return Outcome::done;
}

}  // namespace oxbow::tools::io
