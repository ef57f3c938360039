// bitmap: adds, removes, changes and merges persistent dirty bitmaps.
#include <vector>

#include "commands.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

struct Action {
  enum class What { add, remove, clear, enable, disable, merge } what;
  std::string source;  ///< of merge
};

struct BitmapArguments {
  OpenRequest request;
  std::vector<Action> actions;
  std::optional<std::string> source_file;
  std::optional<std::string> source_format;
  uint64_t granularity = 0;
  std::string filename;
  std::string name;
};

enum BitmapOption : int {
  opt_add = first_own,
  opt_remove,
  opt_clear,
  opt_enable,
  opt_disable,
  opt_merge,
};

std::string_view name_of(Action::What what) {
  switch (what) {
    case Action::What::add: return "add";
    case Action::What::remove: return "remove";
    case Action::What::clear: return "clear";
    case Action::What::enable: return "enable";
    case Action::What::disable: return "disable";
    case Action::What::merge: return "merge";
  }
  return "";
}

bool take_option(const ToolContext& context, int option, const char* text,
                 BitmapArguments& arguments) {
  const auto act = [&](Action::What what) { arguments.actions.push_back({what, ""}); };
  switch (option) {
    case opt_add: act(Action::What::add); break;
    case opt_remove: act(Action::What::remove); break;
    case opt_clear: act(Action::What::clear); break;
    case opt_enable: act(Action::What::enable); break;
    case opt_disable: act(Action::What::disable); break;
    case opt_merge: arguments.actions.push_back({Action::What::merge, text}); break;
    case 'b': arguments.source_file = text; break;
    case 'F': arguments.source_format = text; break;
    case 'f': arguments.request.format = text; break;
    case 'g': {
      const auto size = size_argument(context, "granularity", text);
      if (!size) return false;
      arguments.granularity = *size;
      break;
    }
    case opt_image_opts: arguments.request.image_opts = true; break;
    default: break;
  }
  return true;
}

bool has(const BitmapArguments& arguments, Action::What what) {
  for (const Action& action : arguments.actions) {
    if (action.what == what) return true;
  }
  return false;
}

/// What of the command line does not go together; empty: all of it does.
std::string_view misuse(const BitmapArguments& arguments, size_t operands) {
  if (arguments.actions.empty()) {
    return "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge";
  }
  if (arguments.granularity != 0 && !has(arguments, Action::What::add)) {
    return "granularity only supported with --add";
  }
  if (arguments.source_format && !arguments.source_file) return "-F only supported with -b";
  if (arguments.source_file && !has(arguments, Action::What::merge)) {
    return "Merge bitmap source file only supported with --merge";
  }
  if (arguments.request.image_opts && arguments.request.format) {
    return "--image-opts and --format are mutually exclusive";
  }
  return operands != 2 ? "Expecting filename and bitmap name" : "";
}

Result<void> apply(const Action& action, const BitmapArguments& arguments, Image& image,
                   Image& source) {
  const std::string& name = arguments.name;
  switch (action.what) {
    case Action::What::add: return image.add_bitmap(name, arguments.granularity);
    case Action::What::remove: return image.remove_bitmap(name);
    case Action::What::clear: return image.clear_bitmap(name);
    case Action::What::enable: return image.enable_bitmap(name, true);
    case Action::What::disable: return image.enable_bitmap(name, false);
    case Action::What::merge: break;
  }
  return image.merge_bitmap(name, source, action.source);
}

int run_actions(const ToolContext& context, const BitmapArguments& arguments) {
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return 1;
  std::optional<Image> other;
  if (arguments.source_file) {
    OpenRequest request;
    request.format = arguments.source_format;
    request.options.trust = arguments.request.options.trust;
    other = open_image(context, *arguments.source_file, request);
    if (!other) return 1;
  }
  for (const Action& action : arguments.actions) {
    const Result<void> done = apply(action, arguments, *image, other ? *other : *image);
    if (done) continue;
    error_report(
        context, done.error(),
        fmt::format("Operation {} on bitmap {} failed", name_of(action.what), arguments.name));
    (void)image->close();
    return 1;
  }
  const Result<void> closed = image->close();
  if (!closed) error_report(context, closed.error(), arguments.filename);
  return closed ? 0 : 1;
}

}  // namespace

int bitmap_main(const ToolContext& context, int argc, char** argv) {
  // The stock tool would take the word for a file's name.
  if (!context.stock_name && argc > 1) {
    const std::string_view word = argv[1];
    if (word == "dump") return bitmap_dump_main(context, argc - 1, argv + 1);
    if (word == "list") return bitmap_list_main(context, argc - 1, argv + 1);
    if (word == "durability") return bitmap_durability_main(context, argc - 1, argv + 1);
  }
  CommandLine line(context, argc, argv, "b:f:F:g:",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"add", no_argument, nullptr, opt_add},
                    {"remove", no_argument, nullptr, opt_remove},
                    {"clear", no_argument, nullptr, opt_clear},
                    {"enable", no_argument, nullptr, opt_enable},
                    {"disable", no_argument, nullptr, opt_disable},
                    {"merge", required_argument, nullptr, opt_merge},
                    {"granularity", required_argument, nullptr, 'g'},
                    {"source-file", required_argument, nullptr, 'b'},
                    {"source-format", required_argument, nullptr, 'F'}});
  BitmapArguments arguments;
  for (int option; (option = line.next()) != CommandLine::end;) {
    if (!take_option(context, option, line.argument(), arguments)) return 1;
  }
  if (line.exit_code()) return *line.exit_code();
  const std::string_view wrong = misuse(arguments, line.operands().size());
  if (!wrong.empty()) {
    error_line(context, wrong);
    return 1;
  }
  arguments.filename = line.operands()[0];
  arguments.name = line.operands()[1];
  arguments.request.options.writable = true;
  arguments.request.options.open_backing = false;
  arguments.request.options.trust = line.trust();
  return run_actions(context, arguments);
}

}  // namespace oxbow::tools
