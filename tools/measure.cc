// measure: how large the file of a new image becomes, empty or as a copy of another image.
#include <oxbow/jobs.h>

#include "commands.h"
#include "create_options.h"
#include "json_output.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"
#include "snapshot_choice.h"

namespace oxbow::tools {
namespace {

enum MeasureOption : int { opt_size = first_own };

struct MeasureArguments {
  OpenRequest source;
  std::optional<std::string> filename;
  std::optional<uint64_t> size;
  std::optional<SnapshotChoice> snapshot;
  std::string format = "raw";
  std::string option_list;
  OutputFormat output = OutputFormat::human;
};

bool take_option(const ToolContext& context, int option, const char* text,
                 MeasureArguments& arguments) {
  switch (option) {
    case 'f': arguments.source.format = text; break;
    case 'O': arguments.format = text; break;
    case 'U': arguments.source.options.force_share = true; break;
    case 'o': return append_option_list(context, arguments.option_list, text);
    case 'l':
      arguments.snapshot = read_snapshot_choice(context, text);
      return arguments.snapshot.has_value();
    case opt_size:
      arguments.size = size_argument(context, "image size", text);
      return arguments.size.has_value();
    case opt_output: {
      const auto output = parse_output_format(context, text);
      if (output) arguments.output = *output;
      return output.has_value();
    }
    case opt_image_opts: arguments.source.image_opts = true; break;
    default: break;
  }
  return true;
}

// What contradicts itself, in the stock tool's words; nullptr where all is well.
const char* contradiction(const MeasureArguments& arguments, size_t operands) {
  if (operands > 1) return "At most one filename argument is allowed.";
  const bool about_source =
      arguments.source.image_opts || arguments.source.format || arguments.snapshot;
  if (operands == 0 && about_source) return "--image-opts, -f, and -l require a filename argument.";
  if (operands == 0 && !arguments.size) return "Either --size N or one filename must be specified.";
  if (operands == 1 && arguments.size) return "--size N cannot be used together with a filename.";
  return nullptr;
}

// Without its secret no encrypted image could be made.
bool has_secret(const ToolContext& context, std::string_view format, const CreateOptionList& list,
                const ObjectSet& objects) {
  const bool volume = format == "luks";
  if (!volume && list.get("encrypt.format") != "luks") return true;
  const std::string_view key = volume ? "key-secret" : "encrypt.key-secret";
  const auto secret = list.get(key);
  if (!secret) {
    error_report(context, "Parameter '{}' is required for cipher", key);
    return false;
  }
  if (objects.secret(*secret) != nullptr) return true;
  error_report(context, "No secret with id '{}'", *secret);
  return false;
}

void print(const MeasureResult& result, OutputFormat output) {
  if (output == OutputFormat::human) {
    fmt::print("required size: {}\nfully allocated size: {}\n", result.required,
               result.fully_allocated);
    if (result.bitmaps) fmt::print("bitmaps size: {}\n", *result.bitmaps);
    return;
  }
  JsonWriter json;
  json.begin_object();
  if (result.bitmaps) json.member("bitmaps", *result.bitmaps);
  json.member("required", result.required);
  json.member("fully-allocated", result.fully_allocated);
  json.end_object();
  fmt::print("{}\n", json.text());
}

int run(const ToolContext& context, const MeasureArguments& arguments, const ObjectSet& objects) {
  std::optional<Image> source;
  if (arguments.filename) {
    source = open_image(context, *arguments.filename, arguments.source);
    if (!source) return 1;
    if (arguments.snapshot && !view_snapshot(context, *source, *arguments.snapshot)) return 1;
  }
  auto list = CreateOptionList::for_format(arguments.format);
  if (!list) {
    error_report(context, list.error());
    return 1;
  }
  if (auto parsed = list->parse(arguments.option_list); !parsed) {
    error_report(context, parsed.error());
    error_report(context, "Invalid options for file format '{}'", arguments.format);
    return 1;
  }
  MeasureOptions options;
  options.format = arguments.format;
  options.format_options = list->format_options();
  if (auto backing = list->get("backing_file")) options.format_options["backing_file"] = *backing;
  const auto result = source ? measure(*source, options) : measure(*arguments.size, options);
  if (!result) {
    error_report(context, result.error());
    return 1;
  }
  if (!has_secret(context, arguments.format, *list, objects)) return 1;
  print(*result, arguments.output);
  return 0;
}

}  // namespace

int measure_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:l:o:O:U",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"output", required_argument, nullptr, opt_output},
                    {"size", required_argument, nullptr, opt_size},
                    {"force-share", no_argument, nullptr, 'U'}});
  line.answer_mistakes_with_help();
  MeasureArguments arguments;
  for (int option; (option = line.next()) != CommandLine::end;) {
    if (!take_option(context, option, line.argument(), arguments)) return 1;
  }
  if (line.exit_code()) return *line.exit_code();
  if (const char* message = contradiction(arguments, line.operands().size())) {
    error_line(context, message);
    return 1;
  }
  if (!line.operands().empty()) arguments.filename = line.operands()[0];
  arguments.source.options.trust = line.trust();
  return run(context, arguments, *context.objects);
}

}  // namespace oxbow::tools
