// aio_read, aio_write, aio_flush: requests that are under way while the shell goes on. Each
// owns its buffer until it has completed, and is told when it has.
#include "arguments.h"
#include "requests.h"

namespace oxbow::tools::io {
namespace {

struct AioRequest {
  explicit AioRequest(Shell& shell, Report report = {}, uint64_t offset = 0)
      : shell(shell), report(report), offset(offset) {}

  Shell& shell;
  Report report;
  uint64_t offset = 0;
  uint64_t length = 0;
  std::unique_ptr<IoBuffer> buffer;  // none for zeroes
  Clock::time_point begin;
};

void begin_request(AioRequest& request) {
  request.begin = Clock::now();
  ++request.shell.in_flight;
}

void finish_read(std::unique_ptr<AioRequest> request, const Result<void>& result) {
  Shell& shell = request->shell;
  const auto time = Clock::now() - request->begin;
  --shell.in_flight;
  if (result) {
    report_read(request->report, request->buffer->bytes(), request->offset, time);
  } else {
    report_failure(shell, "readv", result.error());
  }
  shell.read_buffers.give_back(std::move(request->buffer));
}

void finish_write(std::unique_ptr<AioRequest> request, const Result<void>& result) {
  Shell& shell = request->shell;
  const auto time = Clock::now() - request->begin;
  --shell.in_flight;
  if (result) {
    report_transfer(request->report, "wrote", request->offset, request->length, time);
  } else {
    report_failure(shell, "aio_write", result.error());
  }
  if (request->buffer) shell.write_buffers.give_back(std::move(request->buffer));
}

// A plain pointer in the closure, so that the completion needs no memory of its own.
Completion on_read(AioRequest* request) {
  return
      [request](Result<void> result) { finish_read(std::unique_ptr<AioRequest>(request), result); };
}
Completion on_write(AioRequest* request) {
  return [request](Result<void> result) {
    finish_write(std::unique_ptr<AioRequest>(request), result);
  };
}

struct WriteFlagsGiven {
  Report report;
  WriteOptions options;
  uint8_t pattern = 0xcd;
  bool zeroes = false;
  bool may_unmap = false;
  bool invalid = false;
};

// False, and told, where a flag is wrong.
bool take_flag(const Call& call, const Flags& flags, int letter, WriteFlagsGiven& into) {
  switch (letter) {
    case 'C': into.report.machine = true; return true;
    case 'f': into.options.fua = true; return true;
    case 'q': into.report.quiet = true; return true;
    case 'u': into.may_unmap = true; return true;
    case 'z': into.zeroes = true; return true;
    case 'i': into.invalid = true; return true;
    case 'P': {
      const auto pattern = parse_pattern(flags.argument());
      into.pattern = pattern.value_or(0);
      return pattern.has_value();
    }
    default: refuse_usage(call); return false;
  }
}

Outcome start_zeroes(std::unique_ptr<AioRequest> request, const Flags& flags,
                     const WriteFlagsGiven& given) {
  Shell& shell = request->shell;
  const auto length = parse_number(shell, flags.operand(1));
  if (!length) return Outcome::failed;
  request->length = *length;
  begin_request(*request);
  const uint64_t offset = request->offset;
  shell.image->write_zeroes_async(offset, *length, {given.may_unmap, false, given.options.fua},
                                  on_write(request.release()));
  return Outcome::done;
}

Outcome start_write(std::unique_ptr<AioRequest> request, const Flags& flags,
                    const WriteFlagsGiven& given) {
  Shell& shell = request->shell;
  const std::vector<uint64_t> lengths = parse_lengths(shell, flags, 1);
  if (lengths.empty()) return Outcome::failed;
  for (uint64_t length : lengths) request->length += length;
  request->buffer = take_buffer(shell.write_buffers, request->length);
  if (!request->buffer) return Outcome::failed;
  request->buffer->fill(given.pattern);
  const auto parts = split(std::span<const std::byte>(request->buffer->bytes()), lengths);
  begin_request(*request);
  const uint64_t offset = request->offset;
  shell.image->write_async(offset, parts, given.options, on_write(request.release()));
  return Outcome::done;
}

}  // namespace

Outcome run_aio_read(Shell& shell, const Call& call) {
  auto request = std::make_unique<AioRequest>(shell);
  Flags flags(call, "CP:iqv");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    switch (letter) {
      case 'C': request->report.machine = true; break;
      case 'P':
        request->report.pattern = parse_pattern(flags.argument());
        if (!request->report.pattern) return Outcome::failed;
        break;
      case 'i': fmt::print("injecting invalid read request\n"); return Outcome::done;
      case 'q': request->report.quiet = true; break;
      case 'v': request->report.dump = true; break;
      default: return refuse_usage(call);
    }
  }
  if (flags.operands() < 2) return refuse_usage(call);
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return Outcome::failed;
  const std::vector<uint64_t> lengths = parse_lengths(shell, flags, 1);
  if (lengths.empty()) return Outcome::failed;
  request->offset = *offset;
  for (uint64_t length : lengths) request->length += length;
  request->report.check_length = request->length;
  request->buffer = take_buffer(shell.read_buffers, request->length);
  if (!request->buffer) return Outcome::failed;
  const auto parts = split(request->buffer->bytes(), lengths);
  begin_request(*request);
  shell.image->read_async(*offset, parts, on_read(request.release()));
  return Outcome::done;
}

Outcome run_aio_write(Shell& shell, const Call& call) {
  WriteFlagsGiven given;
  Flags flags(call, "CfiP:quz");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    if (!take_flag(call, flags, letter, given)) return Outcome::failed;
    if (given.invalid) {
      fmt::print("injecting invalid write request\n");
      return Outcome::done;
    }
  }
  if (flags.operands() < 2) return refuse_usage(call);
  if (given.zeroes && flags.operands() != 2) {
    fmt::print("-z supports only a single length parameter\n");
    return Outcome::failed;
  }
  if (given.may_unmap && !given.zeroes) {
    fmt::print("-u requires -z to be specified\n");
    return Outcome::failed;
  }
  const auto offset = parse_number(shell, flags.operand(0));
  if (!offset) return Outcome::failed;
  auto request = std::make_unique<AioRequest>(shell, given.report, *offset);
  if (given.zeroes) return start_zeroes(std::move(request), flags, given);
  return start_write(std::move(request), flags, given);
}

Outcome run_aio_flush(Shell& shell, const Call&) {
  shell.image->drain();
  return Outcome::done;
}

}  // namespace oxbow::tools::io
