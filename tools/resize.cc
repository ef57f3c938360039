// resize: makes the disk larger or smaller, to a size or by one.
#include <algorithm>
#include <array>

#include "commands.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

enum ResizeOption : int { opt_preallocation = first_own, opt_shrink };

struct ResizeArguments {
  OpenRequest request;
  std::string filename;
  std::string size;  ///< as given: "8M", "+1M", "-1M"
  Preallocation preallocation = Preallocation::off;
  bool shrink = false;
  bool quiet = false;
};

bool read_preallocation(const ToolContext& context, std::string_view word,
                        ResizeArguments& arguments) {
  static constexpr std::array<std::string_view, 4> modes = {"off", "metadata", "falloc", "full"};
  const auto mode = std::ranges::find(modes, word);
  if (mode == modes.end()) {
    error_report(context, "Invalid preallocation mode '{}'", word);
    return false;
  }
  arguments.preallocation = static_cast<Preallocation>(mode - modes.begin());
  return true;
}

std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                ResizeArguments& arguments) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'q': arguments.quiet = true; break;
      case opt_preallocation:
        if (!read_preallocation(context, line.argument(), arguments)) return 1;
        break;
      case opt_shrink: arguments.shrink = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      default: break;
    }
  }
  return line.exit_code();
}

struct Change {
  int sign = 0;  ///< 0: `bytes` is the new size
  uint64_t bytes = 0;

  /// Sizes have a sign: what is too large becomes negative, as for the stock tool.
  [[nodiscard]] int64_t apply(uint64_t size) const {
    if (sign == 0) return static_cast<int64_t>(bytes);
    return static_cast<int64_t>(sign > 0 ? size + bytes : size - bytes);
  }
};

std::optional<Change> read_change(const ToolContext& context, std::string_view text) {
  Change change;
  if (text.starts_with('+')) change.sign = 1;
  if (text.starts_with('-')) change.sign = -1;
  if (change.sign != 0) text.remove_prefix(1);
  const auto bytes = size_option(context, "size", text);
  if (!bytes) return std::nullopt;
  change.bytes = *bytes;
  return change;
}

// Whether the user asked for what can be done; told otherwise.
bool allowed(const ToolContext& context, const ResizeArguments& arguments, uint64_t size,
             int64_t wanted) {
  if (wanted <= 0) {
    error_line(context, "New image size must be positive");
    return false;
  }
  const bool grows = static_cast<uint64_t>(wanted) > size;
  if (!grows && arguments.preallocation != Preallocation::off) {
    error_line(context, "Preallocation can only be used for growing images");
    return false;
  }
  if (static_cast<uint64_t>(wanted) >= size || arguments.shrink) return true;
  error_line(context, "Use the --shrink option to perform a shrink operation.");
  warning_line(context,
               "Shrinking an image will delete all data beyond the shrunken image's end. Before "
               "performing such an operation, make sure there is no important data there.");
  return false;
}

bool resize(const ToolContext& context, const ResizeArguments& arguments, const Change& change) {
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return false;
  const int64_t wanted = change.apply(image->size());
  if (!allowed(context, arguments, image->size(), wanted)) return false;
  const auto done =
      image->resize(static_cast<uint64_t>(wanted), arguments.preallocation, arguments.shrink);
  if (!done) {
    error_report(context, done.error());
    return false;
  }
  const auto closed = image->close();
  if (!closed) {
    error_report(context, closed.error(), arguments.filename);
    return false;
  }
  if (!arguments.quiet) fmt::print("Image resized.\n");
  return true;
}

}  // namespace

int resize_main(const ToolContext& context, int argc, char** argv) {
  // The size stands last whatever it looks like: "-1M" is no option.
  if (argc < 3) {
    const bool asks =
        argc == 2 && (argv[1] == std::string_view("-h") || argv[1] == std::string_view("--help"));
    if (!asks) return usage_error(context, "Not enough arguments");
    print_help(context);
    return 0;
  }
  ResizeArguments arguments;
  arguments.size = argv[--argc];
  argv[argc] = nullptr;
  CommandLine line(context, argc, argv, "f:q",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"preallocation", required_argument, nullptr, opt_preallocation},
                    {"shrink", no_argument, nullptr, opt_shrink}});
  if (auto code = read_options(context, line, arguments)) return *code;
  if (line.operands().size() != 1) {
    return usage_error(context, "Expecting image file name and size");
  }
  arguments.filename = line.operands()[0];
  const auto change = read_change(context, arguments.size);
  if (!change) return 1;
  arguments.request.options.writable = true;
  arguments.request.options.unmap_on_discard = true;  // what is cut off leaves the file
  arguments.request.options.trust = line.trust();
  return resize(context, arguments, *change) ? 0 : 1;
}

}  // namespace oxbow::tools
