// create: makes an image file.
#include <oxbow/image.h>

#include "api/filename.h"
#include "commands.h"
#include "create_options.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

struct CreateArguments {
  std::string filename;
  std::string format = "raw";
  std::optional<std::string> backing_file;
  std::optional<std::string> backing_format;
  std::string option_list;
  std::optional<uint64_t> size;
  bool open_backing = true;
  bool quiet = false;
  Trust trust = Trust::all;
};

Result<void> set_from_arguments(const CreateArguments& arguments, CreateOptionList& list) {
  if (arguments.backing_file && !list.set("backing_file", *arguments.backing_file)) {
    return fail(ErrorKind::unsupported,
                fmt::format("Backing file not supported for file format '{}'", arguments.format));
  }
  if (arguments.backing_format && !list.set("backing_fmt", *arguments.backing_format)) {
    return fail(
        ErrorKind::unsupported,
        fmt::format("Backing file format not supported for file format '{}'", arguments.format));
  }
  if (arguments.size && !list.set("size", std::to_string(*arguments.size))) {
    return fail(ErrorKind::unsupported, "Size not supported");
  }
  return {};
}

// Opens the backing file to see that it is there; its size fills a missing one.
Result<void> consult_backing(const ToolContext& context, const CreateArguments& arguments,
                             CreateOptionList& list) {
  const std::string backing = *list.get("backing_file");
  auto format = list.get("backing_fmt");
  if (!arguments.open_backing) {
    if (format) return {};
    return fail(ErrorKind::invalid_argument, "Backing file specified without backing format");
  }
  OpenRequest request;
  request.format = format;
  request.options.trust = arguments.trust;
  request.options.force_share = true;  // only its size is asked, whoever is writing to it
  request.options.metadata_only = true;
  auto image = try_open(context, api::resolve_name(arguments.filename, backing), request);
  if (!image) {
    Error error = std::move(image).error();
    std::string hint = error.hint() + "Could not open backing image.\n";
    return std::unexpected(std::move(error).with_hint(std::move(hint)));
  }
  if (!format) {
    // The stock tool ends this hint without a newline.
    return std::unexpected(
        Error(ErrorKind::invalid_argument, "Backing file specified without backing format")
            .with_hint(fmt::format("Detected format of {}.", image->format())));
  }
  if (!list.get("size")) list.set("size", std::to_string(image->size()));
  return {};
}

// Everything that is checked before "Formatting ..." is printed.
Result<CreateOptionList> prepare(const ToolContext& context, const CreateArguments& arguments) {
  auto list = CreateOptionList::for_format(arguments.format);
  if (!list) return list;
  auto done = check_creation_protocol(arguments.filename);
  if (done) done = list->parse(arguments.option_list);
  if (done && arguments.size && list->get("size")) {
    done = fail(ErrorKind::invalid_argument, "The image size must be specified only once");
  }
  if (done) done = set_from_arguments(arguments, *list);
  auto backing = list->get("backing_file");
  if (done && backing == "") {
    done = fail(ErrorKind::invalid_argument, "Expected backing file name, got empty string");
  }
  if (done && backing == arguments.filename) {
    done = fail(ErrorKind::invalid_argument,
                "Error: Trying to create an image with the same filename as the backing file");
  }
  if (done && backing) done = consult_backing(context, arguments, *list);
  if (done && !list->get("size")) {
    done = fail(ErrorKind::invalid_argument, "Image creation needs a size parameter");
  }
  if (!done) return std::unexpected(std::move(done).error());
  return list;
}

CreateOptions library_options(const ToolContext& context, const CreateArguments& arguments,
                              const CreateOptionList& list) {
  CreateOptions options;
  options.filename = arguments.filename;
  options.format = arguments.format;
  options.size = *list.size("size");
  options.backing_file = list.get("backing_file").value_or("");
  options.backing_format = list.get("backing_fmt").value_or("");
  options.open_backing = false;  // consult_backing() did
  options.format_options = list.format_options();
  options.trust = arguments.trust;
  options.secrets = context.secrets();
  options.warn = [&context](std::string_view message) { warning_line(context, message); };
  return options;
}

int create(const ToolContext& context, const CreateArguments& arguments) {
  auto list = prepare(context, arguments);
  if (!list) {
    error_report(context, list.error(), arguments.filename);
    return 1;
  }
  if (!arguments.quiet) {
    fmt::print("Formatting '{}', fmt={}{}\n", arguments.filename, arguments.format,
               list->summary());
    std::fflush(stdout);
  }
  auto created = Image::create(library_options(context, arguments, *list));
  if (!created) {
    error_report(context, created.error(), arguments.filename);
    return 1;
  }
  return 0;
}

// Reads the options; false where the command has to leave with `code`.
bool read_options(const ToolContext& context, CommandLine& line, CreateArguments& arguments,
                  int& code) {
  code = 1;
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'F': arguments.backing_format = line.argument(); break;
      case 'b': arguments.backing_file = line.argument(); break;
      case 'f': arguments.format = line.argument(); break;
      case 'o':
        if (!append_option_list(context, arguments.option_list, line.argument())) return false;
        break;
      case 'q': arguments.quiet = true; break;
      case 'u': arguments.open_backing = false; break;
      default: break;
    }
  }
  if (line.exit_code()) {
    code = *line.exit_code();
    return false;
  }
  arguments.trust = line.trust();
  return true;
}

}  // namespace

int create_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "F:b:f:o:qu", {});
  CreateArguments arguments;
  int code;
  if (!read_options(context, line, arguments, code)) return code;
  auto operands = line.operands();
  if (asks_for_help(arguments.option_list)) {
    return print_create_help(context, arguments.format, operands.empty());
  }
  if (operands.empty()) return usage_error(context, "Expecting image file name");
  arguments.filename = operands[0];
  if (operands.size() > 1) {
    arguments.size = size_argument(context, "image size", operands[1]);
    if (!arguments.size) return 1;
  }
  if (operands.size() > 2) {
    return usage_error(context, fmt::format("Unexpected argument: {}", operands[2]));
  }
  return create(context, arguments);
}

}  // namespace oxbow::tools
