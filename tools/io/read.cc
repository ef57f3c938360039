// read and readv.
#include "arguments.h"
#include "requests.h"

namespace oxbow::tools::io {
namespace {

struct ReadArguments {
  Report report;
  bool vm_state = false;
  bool from_given = false;    // -s
  bool length_given = false;  // -l
  uint64_t offset = 0;
  uint64_t length = 0;
};

// False, and told, where a flag is wrong.
bool take_flag(Shell& shell, const Call& call, const Flags& flags, int letter,
               ReadArguments& into) {
  Report& report = into.report;
  switch (letter) {
    case 'b': into.vm_state = true; return true;
    case 'C': report.machine = true; return true;
    case 'p': return true;
    case 'q': report.quiet = true; return true;
    case 'v': report.dump = true; return true;
    case 'P': report.pattern = parse_pattern(flags.argument()); return report.pattern.has_value();
    case 'l':
    case 's': {
      const auto number = parse_number(shell, flags.argument());
      (letter == 'l' ? into.length_given : into.from_given) = true;
      (letter == 'l' ? report.check_length : report.check_from) = number.value_or(0);
      return number.has_value();
    }
    default: refuse_usage(call); return false;
  }
}

bool take_operands(Shell& shell, const Call& call, const Flags& flags, ReadArguments& into) {
  if (flags.operands() != 2) return refuse_usage(call) == Outcome::done;
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return false;
  const auto length = parse_number(shell, flags.operand(1));
  if (!length) return false;
  if (*length > max_request) {
    fmt::print("length cannot exceed {}, given {}\n", max_request, flags.operand(1));
    return false;
  }
  into.offset = *offset;
  into.length = *length;
  return true;
}

// What the pattern is compared with lies inside what is read.
bool set_check_range(const Call& call, ReadArguments& into) {
  Report& report = into.report;
  if (!report.pattern && (into.length_given || into.from_given)) {
    return refuse_usage(call) == Outcome::done;
  }
  if (!into.length_given) {
    report.check_length = into.length - std::min(report.check_from, into.length);
  }
  if (report.check_from > into.length || report.check_length > into.length - report.check_from) {
    fmt::print("pattern verification range exceeds end of read data\n");
    return false;
  }
  return true;
}

std::optional<ReadArguments> parse_read(Shell& shell, const Call& call) {
  ReadArguments arguments;
  Flags flags(call, "bCl:pP:qs:v");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    if (!take_flag(shell, call, flags, letter, arguments)) return std::nullopt;
  }
  if (!take_operands(shell, call, flags, arguments)) return std::nullopt;
  if (!set_check_range(call, arguments)) return std::nullopt;
  const bool aligned = !arguments.vm_state || (check_sector_aligned(arguments.offset, "offset") &&
                                               check_sector_aligned(arguments.length, "count"));
  if (!aligned) return std::nullopt;
  return arguments;
}

}  // namespace

Outcome run_read(Shell& shell, const Call& call) {
  const auto arguments = parse_read(shell, call);
  if (!arguments) return Outcome::failed;
  auto buffer = take_buffer(shell.read_buffers, arguments->length);
  if (!buffer) return Outcome::failed;

  const auto begin = Clock::now();
  const Result<void> done = arguments->vm_state
                                ? shell.image->read_vm_state(arguments->offset, buffer->bytes())
                                : shell.image->read(arguments->offset, buffer->bytes());
  const auto time = Clock::now() - begin;
  bool good = done.has_value();
  if (good) {
    good = report_read(arguments->report, buffer->bytes(), arguments->offset, time);
  } else {
    report_failure(shell, "read", done.error());
  }
  shell.read_buffers.give_back(std::move(buffer));
  return good ? Outcome::done : Outcome::failed;
}

Outcome run_readv(Shell& shell, const Call& call) {
  Report report;
  Flags flags(call, "CP:qv");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    switch (letter) {
      case 'C': report.machine = true; break;
      case 'P':
        report.pattern = parse_pattern(flags.argument());
        if (!report.pattern) return Outcome::failed;
        break;
      case 'q': report.quiet = true; break;
      case 'v': report.dump = true; break;
      default: return refuse_usage(call);
    }
  }
  if (flags.operands() < 2) return refuse_usage(call);
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return Outcome::failed;
  const std::vector<uint64_t> lengths = parse_lengths(shell, flags, 1);
  if (lengths.empty()) return Outcome::failed;
  for (uint64_t length : lengths) report.check_length += length;

  auto buffer = take_buffer(shell.read_buffers, report.check_length);
  if (!buffer) return Outcome::failed;
  const auto parts = split(buffer->bytes(), lengths);
  Result<void> done;
  const auto begin = Clock::now();
  shell.image->read_async(*offset, parts, [&done](Result<void> result) { done = result; });
  shell.image->drain();
  const auto time = Clock::now() - begin;
  bool good = done.has_value();
  if (good) {
    good = report_read(report, buffer->bytes(), *offset, time);
  } else {
    report_failure(shell, "readv", done.error());
  }
  shell.read_buffers.give_back(std::move(buffer));
  return good ? Outcome::done : Outcome::failed;
}

}  // namespace oxbow::tools::io
