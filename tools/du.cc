// du: what the layers of images hold, and for whom: the disk, each snapshot,
// each bitmap.
#include <oxbow/jobs.h>

#include "commands.h"
#include "json_output.h"
#include "open_image.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

void print_row(std::string_view what, const HeldBytes& held) {
  fmt::print("  {:<30} {:>12} {:>12}\n", what, human_size(held.exclusive), human_size(held.shared));
}

void print_row(std::string_view what, uint64_t bytes) {
  fmt::print("  {:<30} {:>12}\n", what, human_size(bytes));
}

uint64_t holes(const LayerUsage& layer) {
  return layer.file_size - std::min(layer.file_size, layer.actual_size.value_or(layer.file_size));
}

void print_human(const LayerUsage& layer) {
  fmt::print("{}: {}, disk of {}, file of {}", layer.filename, layer.format,
             human_size(layer.virtual_size), human_size(layer.file_size));
  if (layer.actual_size) fmt::print(", {} on the host", human_size(*layer.actual_size));
  fmt::print("\n");
  if (!layer.detailed) return;
  fmt::print("  {:<30} {:>12} {:>12}\n", "", "exclusive", "shared");
  print_row("disk", layer.disk);
  for (const SnapshotUsage& one : layer.snapshots) {
    print_row(fmt::format("snapshot {} ({})", one.id, one.name), one.held);
  }
  for (const BitmapUsage& one : layer.bitmaps) print_row("bitmap " + one.name, one.held);
  if (layer.data_file)
    print_row("data file " + layer.data_file->name, layer.data_file->actual_size.value_or(0));
  print_row("metadata", layer.metadata);
  print_row("leaked", layer.leaked);
  print_row("free", layer.free);
  print_row("holes", holes(layer));
}

void add_held(JsonWriter& json, const HeldBytes& held) {
  json.member("exclusive", held.exclusive);
  json.member("shared", held.shared);
}

void add_details(JsonWriter& json, const LayerUsage& layer) {
  json.key("disk");
  json.begin_object();
  add_held(json, layer.disk);
  json.end_object();
  json.key("snapshots");
  json.begin_array();
  for (const SnapshotUsage& one : layer.snapshots) {
    json.begin_object();
    json.member("id", one.id);
    json.member("name", one.name);
    add_held(json, one.held);
    json.end_object();
  }
  json.end_array();
  json.key("bitmaps");
  json.begin_array();
  for (const BitmapUsage& one : layer.bitmaps) {
    json.begin_object();
    json.member("name", one.name);
    add_held(json, one.held);
    json.end_object();
  }
  json.end_array();
  if (layer.data_file) {
    json.key("data-file");
    json.begin_object();
    json.member("filename", layer.data_file->name);
    if (layer.data_file->actual_size) json.member("actual-size", *layer.data_file->actual_size);
    json.end_object();
  }
  json.member("metadata", layer.metadata);
  json.member("leaked", layer.leaked);
  json.member("free", layer.free);
  json.member("holes", holes(layer));
}

// An array of layers for each image, the image's own first.
void add_layer(JsonWriter& json, const LayerUsage& layer) {
  json.begin_object();
  json.member("filename", layer.filename);
  json.member("format", layer.format);
  json.member("virtual-size", layer.virtual_size);
  json.member("file-size", layer.file_size);
  if (layer.actual_size) json.member("actual-size", *layer.actual_size);
  if (layer.detailed) add_details(json, layer);
  json.end_object();
}

}  // namespace

int du_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:U",
                   {{"format", required_argument, nullptr, 'f'},
                    {"output", required_argument, nullptr, opt_output},
                    {"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'}});
  OpenRequest request;
  const char* format = "human";
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': request.format = line.argument(); break;
      case 'U': request.options.force_share = true; break;
      case opt_image_opts: request.image_opts = true; break;
      case opt_output: format = line.argument(); break;
      default: break;
    }
  }
  if (line.exit_code()) return *line.exit_code();
  const auto output = parse_output_format(context, format);
  if (!output) return 1;
  if (line.operands().empty())
    return usage_error(context, "Expecting one or more image file names");
  request.options.trust = line.trust();
  JsonWriter json;
  json.begin_array();
  int code = 0;
  for (const char* name : line.operands()) {
    auto image = open_image(context, name, request);
    if (!image) {
      code = 1;
      continue;
    }
    const auto layers = disk_usage(*image);
    if (!layers) {
      error_report(context, layers.error());
      code = 1;
      continue;
    }
    json.begin_array();
    for (const LayerUsage& layer : *layers) {
      if (*output == OutputFormat::human) print_human(layer);
      add_layer(json, layer);
    }
    json.end_array();
  }
  json.end_array();
  if (*output == OutputFormat::json) fmt::print("{}\n", json.text());
  return code;
}

}  // namespace oxbow::tools
