// compare: whether two images have the same guest contents.
#include <oxbow/jobs.h>

#include "commands.h"
#include "job_error.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"

namespace oxbow::tools {
namespace {

// Exit codes of the stock tool; 1 is a difference.
constexpr int cannot_open = 2;
constexpr int no_block_status = 3;
constexpr int cannot_read = 4;

struct CompareArguments {
  OpenRequest left;
  OpenRequest right;
  std::string cache = "writeback";
  bool progress = false;
  bool quiet = false;
  bool strict = false;
};

std::optional<int> read_options(CommandLine& line, CompareArguments& arguments) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.left.format = line.argument(); break;
      case 'F': arguments.right.format = line.argument(); break;
      case 'T': arguments.cache = line.argument(); break;
      case 'p': arguments.progress = true; break;
      case 'q': arguments.quiet = true; break;
      case 's': arguments.strict = true; break;
      case 'U':
        arguments.left.options.force_share = true;
        arguments.right.options.force_share = true;
        break;
      case opt_image_opts:
        arguments.left.image_opts = true;
        arguments.right.image_opts = true;
        break;
      default: break;
    }
  }
  return line.exit_code();
}

// What the comparison found, in the stock tool's words. Returns the exit code.
int tell(const CompareResult& result, const CompareArguments& arguments) {
  std::string text = "Images are identical.";
  if (arguments.strict && result.sizes_differ) {
    text = "Strict mode: Image size mismatch!";
  } else if (result.allocation_differs) {
    text = fmt::format("Strict mode: Offset {} block status mismatch!", *result.first_difference);
  } else if (!result.identical) {
    text = fmt::format("Content mismatch at offset {}!", *result.first_difference);
  }
  if (!arguments.quiet) fmt::print("{}\n", text);
  return result.identical ? 0 : 1;
}

int compare_images(const ToolContext& context, Image& left, Image& right,
                   const CompareArguments& arguments) {
  ProgressPrinter progress(context, arguments.progress, arguments.quiet);
  CompareStep failed_step = CompareStep::read;
  CompareOptions options;
  options.strict = arguments.strict;
  options.failed_step = &failed_step;
  options.progress.report = [&](uint64_t done, uint64_t total) { progress.report(done, total); };
  options.warn = [&](std::string_view message) {
    if (!arguments.quiet) fmt::print("Warning: {}\n", message);
  };
  const auto result = compare(left, right, options);
  if (!result) {
    report_job_error(context, result.error());
    return failed_step == CompareStep::read ? cannot_read : no_block_status;
  }
  return tell(*result, arguments);
}

}  // namespace

int compare_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:F:T:pqsU",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'}},
                   cannot_open);
  CompareArguments arguments;
  if (auto code = read_options(line, arguments)) return *code;
  if (line.operands().size() != 2) return usage_error(context, "Expecting two image file names");
  const auto cache = parse_cache_mode(arguments.cache);
  if (!cache) {
    error_report(context, "Invalid source cache option: {}", arguments.cache);
    return cannot_open;
  }
  for (OpenRequest* request : {&arguments.left, &arguments.right}) {
    request->options.cache = *cache;
    request->options.trust = line.trust();
  }
  auto left = open_image(context, line.operands()[0], arguments.left);
  if (!left) return cannot_open;
  auto right = open_image(context, line.operands()[1], arguments.right);
  if (!right) return cannot_open;
  return compare_images(context, *left, *right, arguments);
}

}  // namespace oxbow::tools
