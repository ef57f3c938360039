// commit: what an image holds is written into the file below it.
#include <oxbow/jobs.h>

#include <cstring>

#include "commands.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

struct CommitArguments {
  OpenRequest request;
  std::string filename;
  std::string cache = "writeback";
  std::optional<std::string> base;
  uint64_t rate_limit = 0;
  bool drop = false;  // the image is of no use afterwards: it need not be emptied
  bool progress = false;
  bool quiet = false;
};

std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                CommitArguments& arguments) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 't': arguments.cache = line.argument(); break;
      case 'b':
        arguments.base = line.argument();
        arguments.drop = true;  // layers between the two are out of date afterwards
        break;
      case 'd': arguments.drop = true; break;
      case 'p': arguments.progress = true; break;
      case 'q': arguments.quiet = true; break;
      case 'r': {
        const auto rate = size_argument(context, "rate limit", line.argument());
        if (!rate) return 1;
        arguments.rate_limit = *rate;
        break;
      }
      case opt_image_opts: arguments.request.image_opts = true; break;
      default: break;
    }
  }
  return line.exit_code();
}

// The stock tool says no more than errno's words.
int report_failure(const ToolContext& context, const Image& image, const Error& error,
                   CommitStep step) {
  if (!context.stock_name || step == CommitStep::open_base) {
    error_report(context, error);
  } else if (step == CommitStep::copy) {
    error_report(context, "Block job failed: {}", std::strerror(error.as_errno()));
  } else {
    error_report(context, "Failed to empty {}: {}", image.filename(),
                 std::strerror(error.as_errno()));
  }
  return 1;
}

int commit_image(const ToolContext& context, Image& image, const CommitArguments& arguments) {
  CommitOptions options;
  if (arguments.base) {
    const auto depth = image.find_backing(*arguments.base);
    if (!depth) {
      error_report(context, "Did not find '{}' in the backing chain of '{}'", *arguments.base,
                   arguments.filename);
      return 1;
    }
    options.depth = *depth;
  } else if (!image.has_backing()) {
    error_line(context, "Image does not have a backing file");
    return 1;
  }
  CommitStep step = CommitStep::open_base;
  options.keep_top = arguments.drop;
  options.rate_limit = arguments.rate_limit;
  options.failed_step = &step;
  {
    ProgressPrinter progress(context, arguments.progress, arguments.quiet);
    options.progress.report = [&](uint64_t done, uint64_t total) { progress.report(done, total); };
    progress.report(0, 1);
    const Result<void> done = commit(image, options);
    if (!done) return report_failure(context, image, done.error(), step);
    progress.report(1, 1);
  }
  const Result<void> closed = image.close();
  if (!closed) {
    error_report(context, closed.error(), arguments.filename);
    return 1;
  }
  if (!arguments.quiet) fmt::print("Image committed.\n");
  return 0;
}

}  // namespace

int commit_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv,
                   "f:t:b:dpqr:", {{"image-opts", no_argument, nullptr, opt_image_opts}});
  CommitArguments arguments;
  if (auto code = read_options(context, line, arguments)) return *code;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  const auto cache = parse_cache_mode(arguments.cache);
  if (!cache) {
    error_report(context, "Invalid cache option: {}", arguments.cache);
    return 1;
  }
  arguments.request.options.writable = true;
  arguments.request.options.cache = *cache;
  arguments.request.options.unmap_on_discard = true;
  arguments.request.options.trust = line.trust();
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return 1;
  return commit_image(context, *image, arguments);
}

}  // namespace oxbow::tools
