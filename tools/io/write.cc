// write and writev.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "arguments.h"
#include "requests.h"

namespace oxbow::tools::io {
namespace {

constexpr uint8_t default_pattern = 0xcd;

struct WriteArguments {
  Report report;
  bool vm_state = false;
  bool compressed = false;
  bool fua = false;
  bool zeroes = false;
  bool may_unmap = false;
  bool no_fallback = false;
  std::optional<uint8_t> pattern;
  const char* source = nullptr;  // a file
  uint64_t offset = 0;
  uint64_t length = 0;
};

bool take_flag(const Call& call, const Flags& flags, int letter, WriteArguments& into) {
  switch (letter) {
    case 'b': into.vm_state = true; return true;
    case 'c': into.compressed = true; return true;
    case 'C': into.report.machine = true; return true;
    case 'f': into.fua = true; return true;
    case 'n': into.no_fallback = true; return true;
    case 'p': return true;
    case 'q': into.report.quiet = true; return true;
    case 'u': into.may_unmap = true; return true;
    case 'z': into.zeroes = true; return true;
    case 's': into.source = flags.argument(); return true;
    case 'P': into.pattern = parse_pattern(flags.argument()); return into.pattern.has_value();
    default: refuse_usage(call); return false;
  }
}

// Flags that contradict each other, in the order in which the stock shell looks.
const char* contradiction(const WriteArguments& arguments) {
  if (arguments.vm_state && arguments.zeroes) {
    return "-b and -z cannot be specified at the same time";
  }
  if (arguments.fua && (arguments.vm_state || arguments.compressed)) {
    return "-f and -b or -c cannot be specified at the same time";
  }
  if (arguments.no_fallback && !arguments.zeroes) return "-n requires -z to be specified";
  if (arguments.may_unmap && !arguments.zeroes) return "-u requires -z to be specified";
  const int fillings =
      int(arguments.zeroes) + int(arguments.pattern.has_value()) + int(arguments.source != nullptr);
  if (fillings > 1) return "Only one of -z, -P, and -s can be specified at the same time";
  return nullptr;
}

bool take_operands(Shell& shell, const Flags& flags, WriteArguments& into) {
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return false;
  const auto length = parse_number(shell, flags.operand(1));
  if (!length) return false;
  if (*length > max_request && !into.no_fallback) {
    fmt::print("length cannot exceed {} without -n, given {}\n", max_request, flags.operand(1));
    return false;
  }
  into.offset = *offset;
  into.length = *length;
  if (!into.vm_state && !into.compressed) return true;
  return check_sector_aligned(into.offset, "offset") && check_sector_aligned(into.length, "count");
}

std::optional<WriteArguments> parse_write(Shell& shell, const Call& call) {
  WriteArguments arguments;
  Flags flags(call, "bcCfnpP:qs:uz");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    if (!take_flag(call, flags, letter, arguments)) return std::nullopt;
  }
  if (flags.operands() != 2) {
    refuse_usage(call);
    return std::nullopt;
  }
  if (const char* words = contradiction(arguments)) {
    fmt::print("{}\n", words);
    return std::nullopt;
  }
  if (!take_operands(shell, flags, arguments)) return std::nullopt;
  return arguments;
}

// The file's bytes, over and over. False, and told on stderr, where it has none to give.
bool fill_from_file(const char* name, IoBuffer& buffer) {
  const auto bytes = buffer.bytes();
  buffer.forget_pattern();
  std::FILE* file = std::fopen(name, "r");
  if (file == nullptr) {
    fmt::print(stderr, "{}: {}\n", name, std::strerror(errno));
    return false;
  }
  errno = 0;
  const size_t got = std::fread(bytes.data(), 1, bytes.size(), file);
  const int failure = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (failure != 0 || got == 0) {
    fmt::print(stderr, "{}: {}\n", name, failure ? std::strerror(failure) : "file is empty");
    return false;
  }
  for (size_t at = got; at < bytes.size(); at += got) {
    std::memcpy(bytes.data() + at, bytes.data(), std::min(got, bytes.size() - at));
  }
  return true;
}

Result<void> perform(Image& image, const WriteArguments& arguments,
                     std::span<const std::byte> bytes) {
  if (arguments.vm_state) return image.write_vm_state(arguments.offset, bytes);
  if (arguments.zeroes) {
    return image.write_zeroes(arguments.offset, arguments.length,
                              {arguments.may_unmap, arguments.no_fallback, arguments.fua});
  }
  if (arguments.compressed) return image.write_compressed(arguments.offset, bytes);
  return image.write(arguments.offset, bytes, {arguments.fua});
}

}  // namespace

Outcome run_write(Shell& shell, const Call& call) {
  const auto arguments = parse_write(shell, call);
  if (!arguments) return Outcome::failed;
  std::unique_ptr<IoBuffer> buffer;
  std::span<const std::byte> bytes;
  if (!arguments->zeroes) {
    buffer = take_buffer(shell.write_buffers, arguments->length);
    if (!buffer) return Outcome::failed;
    bytes = buffer->bytes();
    if (arguments->source == nullptr) {
      buffer->fill(arguments->pattern.value_or(default_pattern));
    } else if (!fill_from_file(arguments->source, *buffer)) {
      return Outcome::failed;
    }
  }
  const auto begin = Clock::now();
  const Result<void> done = perform(*shell.image, *arguments, bytes);
  const auto time = Clock::now() - begin;
  if (buffer) shell.write_buffers.give_back(std::move(buffer));
  if (!done) {
    report_failure(shell, "write", done.error());
    return Outcome::failed;
  }
  report_transfer(arguments->report, "wrote", arguments->offset, arguments->length, time);
  return Outcome::done;
}

Outcome run_writev(Shell& shell, const Call& call) {
  Report report;
  uint8_t pattern = default_pattern;
  WriteOptions options;
  Flags flags(call, "CfP:q");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    switch (letter) {
      case 'C': report.machine = true; break;
      case 'f': options.fua = true; break;
      case 'q': report.quiet = true; break;
      case 'P': {
        const auto given = parse_pattern(flags.argument());
        if (!given) return Outcome::failed;
        pattern = *given;
        break;
      }
      default: return refuse_usage(call);
    }
  }
  if (flags.operands() < 2) return refuse_usage(call);
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return Outcome::failed;
  const std::vector<uint64_t> lengths = parse_lengths(shell, flags, 1);
  if (lengths.empty()) return Outcome::failed;
  uint64_t total = 0;
  for (uint64_t length : lengths) total += length;

  auto buffer = take_buffer(shell.write_buffers, total);
  if (!buffer) return Outcome::failed;
  buffer->fill(pattern);
  const auto parts = split(std::span<const std::byte>(buffer->bytes()), lengths);
  Result<void> done;
  const auto begin = Clock::now();
  shell.image->write_async(*offset, parts, options,
                           [&done](Result<void> result) { done = result; });
  shell.image->drain();
  const auto time = Clock::now() - begin;
  shell.write_buffers.give_back(std::move(buffer));
  if (!done) {
    report_failure(shell, "writev", done.error());
    return Outcome::failed;
  }
  report_transfer(report, "wrote", *offset, total, time);
  return Outcome::done;
}

}  // namespace oxbow::tools::io
