// amend: an image's options are changed in place.
#include <oxbow/amend.h>

#include "commands.h"
#include "create_options.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"

namespace oxbow::tools {
namespace {

enum AmendOption : int { opt_force = first_own };

struct AmendArguments {
  OpenRequest request;
  std::string filename;
  std::string option_list;
  std::string cache = "writeback";
  bool force = false;
  bool progress = false;
  bool quiet = false;
};

std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                AmendArguments& arguments) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'o':
        if (!append_option_list(context, arguments.option_list, line.argument())) return 1;
        break;
      case 'p': arguments.progress = true; break;
      case 'q': arguments.quiet = true; break;
      case 't': arguments.cache = line.argument(); break;
      case opt_force: arguments.force = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      default: break;
    }
  }
  return line.exit_code();
}

bool print_amend_help(const ToolContext& context, std::string_view format) {
  const auto list = CreateOptionList::for_amending(format);
  if (!list) {
    error_report(context, list.error());
    return false;
  }
  fmt::print("{}", list->help());
  return true;
}

bool change(const ToolContext& context, const AmendArguments& arguments, Image& image,
            ProgressPrinter& progress) {
  auto list = CreateOptionList::for_amending(image.format());
  auto done = list ? list->parse(arguments.option_list) : Result<void>();
  if (!list || !done) {
    error_report(context, list ? done.error() : list.error());
    return false;
  }
  AmendOptions options;
  options.options = list->given();
  options.force = arguments.force;
  options.secrets = context.secrets();
  options.progress = [&](uint64_t work, uint64_t total) { progress.report(work, total); };
  progress.report(0, 1);
  done = amend(image, options);
  progress.report(1, 1);
  if (!done) error_report(context, done.error());
  return done.has_value();
}

bool amend_image(const ToolContext& context, const AmendArguments& arguments) {
  ProgressPrinter progress(context, arguments.progress, arguments.quiet);
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return false;
  if (asks_for_help(arguments.option_list)) return print_amend_help(context, image->format());
  const bool changed = change(context, arguments, *image, progress);
  const auto closed = image->close();
  if (!closed) error_report(context, closed.error(), arguments.filename);
  return changed && closed;
}

}  // namespace

int amend_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:o:pqt:",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force", no_argument, nullptr, opt_force}});
  AmendArguments arguments;
  if (auto code = read_options(context, line, arguments)) return *code;
  if (arguments.option_list.empty()) return usage_error(context, "Must specify options (-o)");
  if (asks_for_help(arguments.option_list) && arguments.request.format) {
    return print_amend_help(context, *arguments.request.format) ? 0 : 1;
  }
  if (line.operands().size() != 1) {
    error_line(context, "Expecting one image file name");
    return 1;
  }
  arguments.filename = line.operands()[0];
  const auto cache = parse_cache_mode(arguments.cache);
  if (!cache) {
    error_report(context, "Invalid cache option: {}", arguments.cache);
    return 1;
  }
  arguments.request.options.cache = *cache;
  arguments.request.options.writable = true;
  arguments.request.options.unmap_on_discard = true;  // what is freed leaves the file
  arguments.request.options.trust = line.trust();
  return amend_image(context, arguments) ? 0 : 1;
}

}  // namespace oxbow::tools
