// info: what an image says about itself, and about its backing chain.
#include <oxbow/image.h>

#include <set>

#include "api/trust.h"
#include "commands.h"
#include "info_output.h"
#include "open_image.h"
#include "options.h"

namespace oxbow::tools {
namespace {

struct InfoArguments {
  std::string filename;
  OpenRequest request;
  OutputFormat output = OutputFormat::human;
  bool chain = false;
};

std::optional<ImageInfo> info_of(const ToolContext& context, const std::string& filename,
                                 const OpenRequest& request) {
  auto image = open_image(context, filename, request);
  if (!image) return std::nullopt;
  auto info = image->info();
  if (!info) {
    error_report(context, info.error());
    return std::nullopt;
  }
  return std::move(*info);
}

// The image and, with --backing-chain, what it is based on, each opened by itself.
std::optional<std::vector<ImageInfo>> collect(const ToolContext& context,
                                              const InfoArguments& arguments) {
  std::vector<ImageInfo> chain;
  std::set<std::string> seen;
  std::string filename = arguments.filename;
  OpenRequest request = arguments.request;
  for (;;) {
    if (!seen.insert(filename).second) {
      error_report(context, "Backing file '{}' creates an infinite loop.", filename);
      return std::nullopt;
    }
    auto info = info_of(context, filename, request);
    if (!info) return std::nullopt;
    chain.push_back(std::move(*info));
    const ImageInfo& last = chain.back();
    if (!arguments.chain || last.backing_filename.empty()) return chain;
    auto allowed =
        api::check_trust(request.options.trust, last.filename, last.full_backing_filename);
    if (!allowed) {
      error_report(context, allowed.error(),
                   fmt::format("Could not open '{}'", last.full_backing_filename));
      return std::nullopt;
    }
    filename = last.full_backing_filename;
    request.image_opts = false;
    request.format.reset();
    if (!last.backing_format.empty()) request.format = last.backing_format;
  }
}

struct Switches {
  const char* output = "human";
  bool untrusted = false;
};

enum InfoOption : int { opt_backing_chain = first_own, opt_untrusted };

std::optional<int> read_options(CommandLine& line, InfoArguments& arguments, Switches& switches) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'U': arguments.request.options.force_share = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      case opt_output: switches.output = line.argument(); break;
      case opt_backing_chain: arguments.chain = true; break;
      case opt_untrusted: switches.untrusted = true; break;
      default: break;
    }
  }
  return line.exit_code();
}

}  // namespace

int info_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:U",
                   {{"format", required_argument, nullptr, 'f'},
                    {"output", required_argument, nullptr, opt_output},
                    {"backing-chain", no_argument, nullptr, opt_backing_chain},
                    {"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'},
                    {"untrusted", no_argument, nullptr, opt_untrusted}});
  InfoArguments arguments;
  Switches switches;
  if (auto code = read_options(line, arguments, switches)) return *code;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  auto output = parse_output_format(context, switches.output);
  if (!output) return 1;
  if (switches.untrusted && arguments.chain) {
    error_report(context,
                 "--untrusted opens nothing besides the file; it excludes --backing-chain");
    return 1;
  }
  arguments.output = *output;
  arguments.request.options.open_backing = false;
  arguments.request.options.metadata_only = true;
  arguments.request.options.trust = line.trust();
  if (switches.untrusted) {
    arguments.request.options.trust = Trust::none;
    arguments.request.options.open_data_file = false;
  }
  auto chain = collect(context, arguments);
  if (!chain) return 1;
  if (arguments.output == OutputFormat::json) {
    print_info_json(*chain, arguments.chain);
  } else {
    print_info_human(*chain);
  }
  return 0;
}

}  // namespace oxbow::tools
