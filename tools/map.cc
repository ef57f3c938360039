// map: which file holds which guest bytes.
#include <oxbow/image.h>

#include <algorithm>

#include "commands.h"
#include "json_output.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

struct MapArguments {
  std::string filename;
  OpenRequest request;
  OutputFormat output = OutputFormat::human;
  uint64_t start = 0;
  uint64_t max_length = UINT64_MAX;
};

// Whether `next` continues `run` so that one line can say both.
bool continues(const BlockStatus& run, const BlockStatus& next) {
  if (run.depth != next.depth || run.present != next.present || run.zero != next.zero ||
      run.data != next.data || run.host_offset.has_value() != next.host_offset.has_value() ||
      run.filename != next.filename) {
    return false;
  }
  return !run.host_offset || *run.host_offset + run.length == *next.host_offset;
}

void print_json(const BlockStatus& run, const char* end) {
  JsonWriter json(JsonWriter::Layout::line);
  json.begin_object();
  json.member("start", run.offset);
  json.member("length", run.length);
  json.member("depth", run.depth);
  json.member("present", run.present);
  json.member("zero", run.zero);
  json.member("data", run.data);
  if (run.host_offset) json.member("offset", *run.host_offset);
  json.end_object();
  // The stock tool has a blank after the bracket that opens an entry.
  fmt::print("{{ {}{}", std::string_view(json.text()).substr(1), end);
}

// 0 stands without a prefix.
std::string hex(uint64_t number) { return number == 0 ? "0" : fmt::format("{:#x}", number); }

// False, and reported, where the run's bytes lie where an offset cannot say it.
bool print_human(const ToolContext& context, const BlockStatus& run) {
  if (!run.data || run.zero) return true;
  if (!run.host_offset) {
    error_report(context, "File contains external, encrypted or compressed clusters.");
    return false;
  }
  fmt::print("{:<16}{:<16}{:<16}{}\n", hex(run.offset), hex(run.length), hex(*run.host_offset),
             run.filename);
  return true;
}

class MapPrinter {
 public:
  // An empty map still has one JSON entry, of no length, at `start`.
  MapPrinter(const ToolContext& context, OutputFormat output, uint64_t start)
      : context_(context), output_(output), run_{.offset = start, .present = false} {
    if (output_ == OutputFormat::human) {
      fmt::print("{:<16}{:<16}{:<16}{}\n", "Offset", "Length", "Mapped to", "File");
    } else {
      fmt::print("[");
    }
  }

  // Merges `next` into the run under way or prints that.
  bool add(BlockStatus next) {
    if (run_.length != 0 && continues(run_, next)) {
      run_.length += next.length;
      return true;
    }
    if (run_.length != 0 && !print(",\n")) return false;
    run_ = std::move(next);
    return true;
  }

  bool finish() { return print("]\n"); }

 private:
  bool print(const char* json_end) {
    if (output_ == OutputFormat::human) return print_human(context_, run_);
    print_json(run_, json_end);
    return true;
  }

  const ToolContext& context_;
  OutputFormat output_;
  BlockStatus run_;
};

int map(const ToolContext& context, const MapArguments& arguments) {
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return 1;
  MapPrinter printer(context, arguments.output, arguments.start);
  const uint64_t size = image->size();
  const uint64_t start = arguments.start;
  uint64_t end =
      arguments.max_length < size - std::min(start, size) ? start + arguments.max_length : size;
  for (uint64_t at = start; at < end;) {
    auto status = image->block_status(at, end - at);
    if (!status) {
      report_image_error(context, status.error(), "Could not read file metadata");
      return 1;
    }
    at += status->length;
    if (!printer.add(std::move(*status))) return 1;
  }
  return printer.finish() ? 0 : 1;
}

std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                MapArguments& arguments, const char*& output) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'U': arguments.request.options.force_share = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      case opt_output: output = line.argument(); break;
      case 's': {
        auto start = size_argument(context, "start offset", line.argument());
        if (!start) return 1;
        arguments.start = *start;
        break;
      }
      case 'l': {
        auto length = size_argument(context, "max length", line.argument());
        if (!length) return 1;
        arguments.max_length = *length;
        break;
      }
      default: break;
    }
  }
  return line.exit_code();
}

}  // namespace

int map_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:s:l:U",
                   {{"format", required_argument, nullptr, 'f'},
                    {"output", required_argument, nullptr, opt_output},
                    {"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'},
                    {"start-offset", required_argument, nullptr, 's'},
                    {"max-length", required_argument, nullptr, 'l'}});
  MapArguments arguments;
  const char* output_word = "human";
  if (auto code = read_options(context, line, arguments, output_word)) return *code;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  auto output = parse_output_format(context, output_word);
  if (!output) return 1;
  arguments.output = *output;
  arguments.request.options.trust = line.trust();
  return map(context, arguments);
}

}  // namespace oxbow::tools
