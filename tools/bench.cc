// bench: a run of equal requests, so many at once, and how long it takes.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "commands.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

enum BenchOption : int { opt_flush_interval = first_own, opt_no_drain, opt_pattern };

struct BenchArguments {
  OpenRequest request;
  std::string filename;
  uint64_t count = 75000;
  uint64_t depth = 64;
  uint64_t offset = 0;
  uint64_t buffer_size = 4096;
  uint64_t step = 0;            ///< 0: the buffer's size
  uint64_t flush_interval = 0;  ///< requests; 0: no flush
  uint8_t pattern = 0;
  bool write = false;
  bool drain = true;
};

/// Keeps `depth` requests under way until all are done.
class Bench {
 public:
  Bench(Image& image, const BenchArguments& arguments)
      : image_(image), arguments_(arguments), offset_(arguments.offset), left_(arguments.count) {}

  Result<void> run() {
    const uint64_t slots = std::min(arguments_.depth, arguments_.count);
    buffer_.reset(static_cast<std::byte*>(std::calloc(slots + 1, arguments_.buffer_size + 1)));
    if (buffer_ == nullptr) return fail(ErrorKind::out_of_memory, "Cannot allocate memory", ENOMEM);
    for (uint64_t i = 0; i < slots; ++i) {
      slots_.push_back(buffer_.get() + i * arguments_.buffer_size);
      if (arguments_.pattern != 0) {
        std::memset(slots_.back(), arguments_.pattern, arguments_.buffer_size);
      }
    }
    submit();
    image_.drain();
    return failure_;
  }

 private:
  void submit() {
    while (failure_ && left_ > 0 && !slots_.empty() && !flush_waits_) {
      --left_;
      start_request();
      advance();
      if (arguments_.flush_interval == 0 || ++since_flush_ < arguments_.flush_interval) continue;
      since_flush_ = 0;
      if (arguments_.drain) {
        flush_waits_ = true;
      } else {
        start_flush();
      }
    }
    if (failure_ && flush_waits_ && under_way_ == 0) start_flush();
  }

  void start_request() {
    std::byte* slot = slots_.back();
    slots_.pop_back();
    ++under_way_;
    const auto done = [this, slot](const Result<void>& result) {
      slots_.push_back(slot);
      end_request(result);
    };
    if (arguments_.write) {
      const std::span<const std::byte> part(slot, arguments_.buffer_size);
      image_.write_async(offset_, std::span(&part, 1), {}, done);
    } else {
      const std::span<std::byte> part(slot, arguments_.buffer_size);
      image_.read_async(offset_, std::span(&part, 1), done);
    }
  }

  void start_flush() {
    ++under_way_;
    image_.flush_async([this](const Result<void>& result) {
      flush_waits_ = false;
      end_request(result);
    });
  }

  void end_request(const Result<void>& result) {
    --under_way_;
    if (!result && failure_) failure_ = result;
    submit();
  }

  // To the next place; behind the end it begins anew.
  void advance() {
    const uint64_t size = image_.size();
    offset_ = size == 0 ? 0 : (offset_ + arguments_.step) % size;
  }

  Image& image_;
  const BenchArguments& arguments_;
  uint64_t offset_;
  uint64_t left_;
  uint64_t since_flush_ = 0;
  uint64_t under_way_ = 0;
  bool flush_waits_ = false;  // until nothing is under way, or it is itself
  Result<void> failure_;
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> buffer_;
  std::vector<std::byte*> slots_;  // that no request uses
};

// A number up to `max` in any of C's notations.
bool read_number(const ToolContext& context, std::string_view what, const char* text, uint64_t max,
                 uint64_t& into) {
  char* end = nullptr;
  errno = 0;
  const unsigned long value = std::strtoul(text, &end, 0);
  if (errno != 0 || end == text || *end != '\0' || value > max) {
    error_report(context, "Invalid {} specified", what);
    return false;
  }
  into = value;
  return true;
}

bool read_bytes(const ToolContext& context, std::string_view what, const char* text, uint64_t max,
                uint64_t& into) {
  const auto bytes = size_argument(context, what, text, 0, max);
  if (bytes) into = *bytes;
  return bytes.has_value();
}

bool read_cache(const ToolContext& context, const char* word, BenchArguments& arguments) {
  const auto cache = parse_cache_mode(word);
  if (!cache) {
    error_line(context, "Invalid cache mode");
    return false;
  }
  arguments.request.options.cache = *cache;
  return true;
}

bool read_aio(const ToolContext& context, std::string_view word, BenchArguments& arguments) {
  if (word != "threads" && word != "native" && word != "io_uring") {
    error_report(context, "Invalid aio option: {}", word);
    return false;
  }
  arguments.request.options.aio = word;
  return true;
}

bool take_option(const ToolContext& context, int option, const char* text,
                 BenchArguments& arguments) {
  switch (option) {
    case 'c': return read_number(context, "request count", text, INT32_MAX, arguments.count);
    case 'd': return read_number(context, "queue depth", text, INT32_MAX, arguments.depth);
    case 'f': arguments.request.format = text; break;
    case 'n': arguments.request.options.aio = "native"; break;
    case 'i': return read_aio(context, text, arguments);
    case 'o': return read_bytes(context, "offset", text, INT64_MAX, arguments.offset);
    case 's': return read_bytes(context, "buffer size", text, INT32_MAX, arguments.buffer_size);
    case 'S': return read_bytes(context, "step_size", text, INT32_MAX, arguments.step);
    case 't': return read_cache(context, text, arguments);
    case 'w': arguments.write = true; break;
    case 'U': arguments.request.options.force_share = true; break;
    case opt_image_opts: arguments.request.image_opts = true; break;
    case opt_no_drain: arguments.drain = false; break;
    case opt_flush_interval:
      return read_number(context, "flush interval", text, INT32_MAX, arguments.flush_interval);
    case opt_pattern: {
      uint64_t byte = 0;
      if (!read_number(context, "pattern byte", text, 0xff, byte)) return false;
      arguments.pattern = static_cast<uint8_t>(byte);
      break;
    }
    default: break;  // -q: what there is to say is the result
  }
  return true;
}

// What the options say together.
bool consistent(const ToolContext& context, BenchArguments& arguments) {
  if (arguments.step == 0) arguments.step = arguments.buffer_size;
  const char* mistake = nullptr;
  if (!arguments.write && arguments.flush_interval != 0) {
    mistake = "--flush-interval is only available in write tests";
  } else if (arguments.flush_interval != 0 && arguments.flush_interval < arguments.depth) {
    mistake = "Flush interval can't be smaller than depth";
  } else if (arguments.depth == 0) {
    mistake = "Invalid queue depth specified";  // nothing would ever be sent
  }
  if (mistake != nullptr) error_line(context, mistake);
  return mistake == nullptr;
}

int run(const ToolContext& context, BenchArguments& arguments) {
  arguments.request.options.writable = arguments.write;
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return 1;
  fmt::print(
      "Sending {} {} requests, {} bytes each, {} in parallel (starting at offset {}, step "
      "size {})\n",
      arguments.count, arguments.write ? "write" : "read", arguments.buffer_size, arguments.depth,
      arguments.offset, arguments.step);
  if (arguments.flush_interval != 0) {
    fmt::print("Sending flush every {} requests\n", arguments.flush_interval);
  }
  std::fflush(stdout);
  Bench bench(*image, arguments);
  const auto begin = std::chrono::steady_clock::now();
  const auto done = bench.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!done) {
    report_image_error(context, done.error(), "Failed request");
    return 1;
  }
  fmt::print("Run completed in {:3.3f} seconds.\n", took.count());
  const auto closed = image->close();
  if (!closed) error_report(context, closed.error(), arguments.filename);
  return closed ? 0 : 1;
}

}  // namespace

int bench_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "c:d:f:ni:o:qs:S:t:wU",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"flush-interval", required_argument, nullptr, opt_flush_interval},
                    {"pattern", required_argument, nullptr, opt_pattern},
                    {"no-drain", no_argument, nullptr, opt_no_drain},
                    {"force-share", no_argument, nullptr, 'U'}});
  BenchArguments arguments;
  for (int option; (option = line.next()) != CommandLine::end;) {
    if (!take_option(context, option, line.argument(), arguments)) return 1;
  }
  if (line.exit_code()) return *line.exit_code();
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  arguments.request.options.trust = line.trust();
  if (!consistent(context, arguments)) return 1;
  return run(context, arguments);
}

}  // namespace oxbow::tools
