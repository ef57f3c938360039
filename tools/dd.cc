// dd: copies blocks of an image's guest contents into a new image; every byte is written.
#include <algorithm>
#include <cstring>
#include <vector>

#include "commands.h"
#include "create_options.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

constexpr uint64_t piece_bytes = 2 << 20;

struct DdArguments {
  OpenRequest source;
  std::string input;
  std::string output;
  std::string output_format = "raw";
  uint64_t block_size = 512;
  std::optional<uint64_t> count;  ///< blocks
  uint64_t skip = 0;              ///< blocks
};

bool read_operand(const ToolContext& context, const char* operand, DdArguments& arguments) {
  const char* equals = std::strchr(operand, '=');
  const std::string key(operand, equals != nullptr ? equals - operand : std::strlen(operand));
  const auto take = [&](uint64_t& into, uint64_t min, uint64_t max) {
    const auto size = size_argument(context, key, equals + 1, min, max);
    if (size) into = *size;
    return size.has_value();
  };
  if (equals != nullptr && key == "if") {
    arguments.input = equals + 1;
  } else if (equals != nullptr && key == "of") {
    arguments.output = equals + 1;
  } else if (equals != nullptr && key == "bs") {
    return take(arguments.block_size, 1, INT32_MAX);
  } else if (equals != nullptr && key == "count") {
    return take(arguments.count.emplace(), 0, INT64_MAX);
  } else if (equals != nullptr && key == "skip") {
    return take(arguments.skip, 0, INT64_MAX);
  } else {
    error_report(context, "unrecognized operand {}", key);
    return false;
  }
  return true;
}

bool read_operands(const ToolContext& context, std::span<char* const> operands,
                   DdArguments& arguments) {
  bool input = false;
  bool output = false;
  for (const char* operand : operands) {
    if (!read_operand(context, operand, arguments)) return false;
    input = input || std::string_view(operand).starts_with("if=");
    output = output || std::string_view(operand).starts_with("of=");
  }
  if (input && output) return true;
  error_line(context, "Must specify both input and output files");
  return false;
}

// Blocks in bytes, or more than any disk has.
uint64_t in_bytes(uint64_t blocks, uint64_t block_size) {
  return blocks > INT64_MAX / block_size ? INT64_MAX : blocks * block_size;
}

bool create_output(const ToolContext& context, const DdArguments& arguments, uint64_t size,
                   Trust trust) {
  auto list = CreateOptionList::for_format(arguments.output_format);
  if (!list) {
    const bool unknown = list.error().message().starts_with("Unknown file format");
    error_line(context, unknown ? "Unknown file format" : list.error().message());
    return false;
  }
  if (auto possible = check_creation_protocol(arguments.output); !possible) {
    error_report(context, possible.error());
    return false;
  }
  list->set("size", std::to_string(size));
  CreateOptions options;
  options.filename = arguments.output;
  options.format = arguments.output_format;
  options.size = size;
  options.format_options = list->format_options();
  options.trust = trust;
  options.warn = [&context](std::string_view message) { warning_line(context, message); };
  if (auto created = Image::create(options); !created) {
    error_report(context, created.error(),
                 fmt::format("{}: error while creating output image", arguments.output));
    return false;
  }
  return true;
}

bool copy_bytes(const ToolContext& context, Image& input, Image& output, uint64_t from,
                uint64_t length) {
  std::vector<std::byte> buffer(std::min(length, piece_bytes));
  for (uint64_t done = 0; done < length;) {
    const std::span<std::byte> piece(buffer.data(),
                                     std::min<uint64_t>(buffer.size(), length - done));
    if (auto read = input.read(from + done, piece); !read) {
      report_image_error(context, read.error(), "error while reading from input image file");
      return false;
    }
    if (auto written = output.write(done, piece); !written) {
      report_image_error(context, written.error(), "error while writing to output image file");
      return false;
    }
    done += piece.size();
  }
  if (auto closed = output.close(); !closed) {
    report_image_error(context, closed.error(), "error while writing to output image file");
    return false;
  }
  return true;
}

bool run(const ToolContext& context, DdArguments& arguments, Trust trust) {
  arguments.source.options.trust = trust;
  arguments.source.options.deny_writers = true;  // an output that is the input must not be emptied
  auto input = open_image(context, arguments.input, arguments.source);
  if (!input) return false;
  uint64_t end = input->size();
  if (arguments.count) end = std::min(end, in_bytes(*arguments.count, arguments.block_size));
  const uint64_t begin = in_bytes(arguments.skip, arguments.block_size);
  const uint64_t length = end - std::min(begin, end);
  if (!create_output(context, arguments, length, trust)) return false;

  OpenRequest request;
  request.format = arguments.output_format;
  request.options.writable = true;
  request.options.trust = trust;
  auto output = open_image(context, arguments.output, request);
  if (!output) return false;
  if (begin > end) {
    // Said, and no failure, as by dd(1).
    error_report(context, "{}: cannot skip to specified offset", arguments.input);
  }
  return copy_bytes(context, *input, *output, begin, length);
}

}  // namespace

int dd_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:O:U",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'}});
  DdArguments arguments;
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.source.format = line.argument(); break;
      case 'O': arguments.output_format = line.argument(); break;
      case 'U': arguments.source.options.force_share = true; break;
      case opt_image_opts: arguments.source.image_opts = true; break;
      default: break;
    }
  }
  if (line.exit_code()) return *line.exit_code();
  if (!read_operands(context, line.operands(), arguments)) return 1;
  return run(context, arguments, line.trust()) ? 0 : 1;
}

}  // namespace oxbow::tools
