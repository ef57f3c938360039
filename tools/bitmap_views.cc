// bitmap list, bitmap dump: which dirty bitmaps an image has and what is dirty, for whoever makes
// the backup.
#include <algorithm>

#include "commands.h"
#include "json_output.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

struct View {
  OpenRequest request;
  OutputFormat output = OutputFormat::human;
  std::vector<std::string> operands;
};

/// Nothing where the command line was wrong, or help; then `exit_code` is set.
std::optional<View> parse_view(const ToolContext& context, int argc, char** argv, size_t operands,
                               std::string_view expected, int& exit_code) {
  CommandLine line(context, argc, argv, "f:U",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"output", required_argument, nullptr, opt_output},
                    {"force-share", no_argument, nullptr, 'U'}});
  View view;
  exit_code = 1;
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case opt_output: {
        const auto format = parse_output_format(context, line.argument());
        if (!format) return std::nullopt;
        view.output = *format;
        break;
      }
      case 'U': view.request.options.force_share = true; break;
      case 'f': view.request.format = line.argument(); break;
      case opt_image_opts: view.request.image_opts = true; break;
      default: break;
    }
  }
  if (line.exit_code()) {
    exit_code = *line.exit_code();
    return std::nullopt;
  }
  view.operands.assign(line.operands().begin(), line.operands().end());
  if (view.operands.size() != operands) {
    exit_code = usage_error(context, expected);
    return std::nullopt;
  }
  view.request.options.trust = line.trust();
  view.request.options.open_backing = false;
  return view;
}

class RangePrinter {
 public:
  explicit RangePrinter(OutputFormat output) : json_(output == OutputFormat::json) {
    json_ ? fmt::print("[") : fmt::print("{:<20}{}\n", "Offset", "Length");
  }
  void print(uint64_t offset, uint64_t length) {
    if (!json_) return fmt::print("{:<20}{}\n", offset, length);
    fmt::print("{}{{ \"start\": {}, \"length\": {}}}", first_ ? "" : ",\n", offset, length);
    first_ = false;
  }
  void end() {
    if (json_) fmt::print("]\n");
  }

 private:
  bool json_;
  bool first_ = true;
};

std::string_view word_for(BitmapDurability durability) {
  switch (durability) {
    case BitmapDurability::close: return "close";
    case BitmapDurability::process: return "process";
    case BitmapDurability::power: return "power";
  }
  return "";
}

std::string_view state_of(const BitmapInfo& bitmap) {
  const auto flagged = [&](std::string_view flag) {
    return std::ranges::find(bitmap.flags, flag) != bitmap.flags.end();
  };
  if (flagged("in-use")) return "inconsistent";
  if (!bitmap.usable) return "unknown";
  return flagged("auto") ? "enabled" : "disabled";
}

class ListPrinter {
 public:
  explicit ListPrinter(OutputFormat output) : is_json_(output == OutputFormat::json) {
    if (is_json_)
      json_.begin_array();
    else
      fmt::print("{:<14}{:<12}{:>12}{:>12}  {}\n", "State", "Durability", "Granularity", "Dirty",
                 "Name");
  }
  /// `dirty`: bytes; nothing of a bitmap that cannot be used.
  void print(const BitmapInfo& bitmap, std::optional<uint64_t> dirty) {
    if (!is_json_) {
      return fmt::print("{:<14}{:<12}{:>12}{:>12}  {}\n", state_of(bitmap),
                        word_for(bitmap.durability), human_size(bitmap.granularity),
                        dirty ? human_size(*dirty) : "-", bitmap.name);
    }
    json_.begin_object();
    json_.member("name", bitmap.name);
    json_.member("granularity", bitmap.granularity);
    json_.member("state", state_of(bitmap));
    json_.member("durability", word_for(bitmap.durability));
    if (dirty) json_.member("dirty-bytes", *dirty);
    json_.end_object();
  }
  void end() {
    if (!is_json_) return;
    json_.end_array();
    fmt::print("{}\n", json_.text());
  }

 private:
  bool is_json_;
  JsonWriter json_;
};

Result<std::optional<uint64_t>> dirty_bytes(Image& image, const BitmapInfo& bitmap) {
  if (!bitmap.usable) return std::nullopt;
  uint64_t bytes = 0;
  const auto add = [&](uint64_t, uint64_t length) { bytes += length; };
  const Result<void> visited = image.visit_dirty(bitmap.name, add);
  if (!visited) return std::unexpected(visited.error());
  return bytes;
}

Result<void> print_list(Image& image, ListPrinter& printer) {
  auto info = image.info();
  if (!info) return std::unexpected(info.error());
  if (!info->qcow2) return {};
  for (const BitmapInfo& bitmap : info->qcow2->bitmaps) {
    auto dirty = dirty_bytes(image, bitmap);
    if (!dirty) return std::unexpected(dirty.error());
    printer.print(bitmap, *dirty);
  }
  return {};
}

}  // namespace

int bitmap_dump_main(const ToolContext& context, int argc, char** argv) {
  int exit_code = 0;
  const auto view =
      parse_view(context, argc, argv, 2, "Expecting filename and bitmap name", exit_code);
  if (!view) return exit_code;
  auto image = open_image(context, view->operands[0], view->request);
  if (!image) return 1;
  std::optional<RangePrinter> printer;
  const auto print = [&](uint64_t offset, uint64_t length) {
    if (!printer) printer.emplace(view->output);
    printer->print(offset, length);
  };
  const Result<void> visited = image->visit_dirty(view->operands[1], print);
  if (!visited) {
    error_report(context, visited.error(), view->operands[0]);
    return 1;
  }
  if (!printer) printer.emplace(view->output);
  printer->end();
  return 0;
}

int bitmap_list_main(const ToolContext& context, int argc, char** argv) {
  int exit_code = 0;
  const auto view = parse_view(context, argc, argv, 1, "Expecting one image file name", exit_code);
  if (!view) return exit_code;
  auto image = open_image(context, view->operands[0], view->request);
  if (!image) return 1;
  ListPrinter printer(view->output);
  const Result<void> listed = print_list(*image, printer);
  if (!listed) {
    error_report(context, listed.error(), view->operands[0]);
    return 1;
  }
  printer.end();
  return 0;
}

}  // namespace oxbow::tools
