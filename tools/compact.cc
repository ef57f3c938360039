// compact: makes an image's file as short as what it holds, in place.
#include <oxbow/jobs.h>

#include "commands.h"
#include "json_output.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

enum OwnOption : int { opt_detect_zeroes = first_own, opt_dry_run };

struct CompactArguments {
  OpenRequest request;
  CompactOptions options;
  OutputFormat output = OutputFormat::human;
  bool progress = false;
  bool quiet = false;
  std::string filename;
};

void print_json(const CompactArguments& arguments, const CompactResult& result) {
  JsonWriter json;
  json.begin_object();
  json.member("filename", arguments.filename);
  json.member("dry-run", arguments.options.dry_run);
  json.member("file-size-before", result.size_before);
  json.member("file-size-after", result.size_after);
  json.member("moved", result.moved);
  json.member("zeroed", result.zeroed);
  json.member("leaked", result.leaked);
  json.member("unmoved", result.unmoved);
  json.end_object();
  fmt::print("{}\n", json.text());
}

void print_human(const CompactArguments& arguments, const CompactResult& result) {
  if (arguments.options.dry_run) {
    fmt::print("The file of {} could become {}; {} would be moved, {} leaked.\n",
               human_size(result.size_before), human_size(result.size_after),
               human_size(result.moved), human_size(result.leaked));
    return;
  }
  fmt::print(
      "The file of {} is {} now; {} moved, {} of zeroes and {} leaked "
      "given up.\n",
      human_size(result.size_before), human_size(result.size_after), human_size(result.moved),
      human_size(result.zeroed), human_size(result.leaked));
  if (result.unmoved != 0) {
    fmt::print("{} could not be moved and keep the file longer than it could be.\n",
               human_size(result.unmoved));
  }
}

std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                CompactArguments& arguments) {
  const char* format = "human";
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'p': arguments.progress = true; break;
      case 'q': arguments.quiet = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      case opt_output: format = line.argument(); break;
      case opt_detect_zeroes: arguments.options.detect_zeroes = true; break;
      case opt_dry_run: arguments.options.dry_run = true; break;
      default: break;
    }
  }
  if (line.exit_code()) return line.exit_code();
  const auto output = parse_output_format(context, format);
  if (!output) return 1;
  arguments.output = *output;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  return std::nullopt;
}

}  // namespace

int compact_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:pq",
                   {{"format", required_argument, nullptr, 'f'},
                    {"progress", no_argument, nullptr, 'p'},
                    {"quiet", no_argument, nullptr, 'q'},
                    {"output", required_argument, nullptr, opt_output},
                    {"image-opts", no_argument, nullptr, opt_image_opts},
                    {"detect-zeroes", no_argument, nullptr, opt_detect_zeroes},
                    {"dry-run", no_argument, nullptr, opt_dry_run}});
  CompactArguments arguments;
  if (auto code = read_options(context, line, arguments)) return *code;
  arguments.request.options.writable = !arguments.options.dry_run;
  arguments.request.options.unmap_on_discard = true;
  arguments.request.options.trust = line.trust();
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return 1;
  Result<CompactResult> result;
  {
    const bool human = arguments.output == OutputFormat::human;
    ProgressPrinter progress(context, arguments.progress, arguments.quiet || !human);
    arguments.options.progress = [&](uint64_t done, uint64_t total) {
      progress.report(done, total);
    };
    result = compact(*image, arguments.options);
  }
  const Result<void> closed = image->close();
  if (!result || !closed) {
    error_report(context, result ? closed.error() : result.error());
    return 1;
  }
  if (arguments.quiet) return 0;
  arguments.output == OutputFormat::json ? print_json(arguments, *result)
                                         : print_human(arguments, *result);
  return 0;
}

}  // namespace oxbow::tools
