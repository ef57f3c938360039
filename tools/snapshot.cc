// snapshot: lists, takes, applies and deletes internal snapshots.
#include <cstring>

#include "commands.h"
#include "info_output.h"
#include "open_image.h"
#include "options.h"

namespace oxbow::tools {
namespace {

struct SnapshotArguments {
  OpenRequest request;
  char action = 'l';
  bool chosen = false;
  std::string name;
  std::string filename;
};

// Without -l the stock tool opens the image and says nothing.
int list(const ToolContext& context, Image& image, bool chosen) {
  auto info = image.info();
  if (!info) {
    error_report(context, info.error());
    return 1;
  }
  if (info->snapshots.empty() || !chosen) return 0;
  fmt::print("Snapshot list:\n{}", snapshot_table(info->snapshots));
  return 0;
}

// The stock tool names the error's number and does not say more.
void report_creation(const ToolContext& context, const std::string& name, const Error& error) {
  const int number = error.as_errno();
  const std::string why =
      context.stock_name ? fmt::format("-{} ({})", number, std::strerror(number)) : error.message();
  error_report(context, "Could not create snapshot '{}': {}", name, why);
}

std::string why_not_deleted(const ToolContext& context, const Error& error) {
  const bool none = error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::unsupported;
  return context.stock_name && none ? "snapshot not found" : error.message();
}

std::string why_not_applied(const ToolContext& context, const Error& error) {
  if (!context.stock_name) return error.message();
  if (error.kind() == ErrorKind::busy) return error.message();
  if (error.kind() == ErrorKind::unsupported) return "Block driver does not support snapshots";
  return fmt::format("Failed to load snapshot: {}", std::strerror(error.as_errno()));
}

int act(const ToolContext& context, Image& image, const SnapshotArguments& arguments) {
  const std::string& name = arguments.name;
  if (arguments.action == 'l') return list(context, image, arguments.chosen);
  Result<void> done;
  switch (arguments.action) {
    case 'c':
      done = image.create_snapshot(name);
      if (!done) report_creation(context, name, done.error());
      break;
    case 'd':
      done = image.delete_snapshot(name);
      if (done) break;
      error_report(context, "Could not delete snapshot '{}': {}", name,
                   why_not_deleted(context, done.error()));
      break;
    default:
      done = image.apply_snapshot(name);
      if (done) break;
      error_report(context, "Could not apply snapshot '{}': {}", name,
                   why_not_applied(context, done.error()));
      break;
  }
  const Result<void> closed = image.close();
  if (done && !closed) error_report(context, closed.error(), arguments.filename);
  return done && closed ? 0 : 1;
}

std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                SnapshotArguments& arguments) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'l':
      case 'c':
      case 'a':
      case 'd':
        if (arguments.chosen) return usage_error(context, "Cannot mix '-l', '-a', '-c', '-d'");
        arguments.chosen = true;
        arguments.action = static_cast<char>(option);
        if (option != 'l') arguments.name = line.argument();
        break;
      case 'q': break;  // there is nothing to be quiet about
      case 'U': arguments.request.options.force_share = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      default: break;
    }
  }
  return line.exit_code();
}

}  // namespace

int snapshot_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "la:c:d:qU",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'}});
  SnapshotArguments arguments;
  if (auto code = read_options(context, line, arguments)) return *code;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  arguments.request.options.writable = arguments.action != 'l';
  arguments.request.options.unmap_on_discard = true;  // what only a snapshot held leaves the file
  arguments.request.options.trust = line.trust();
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return 1;
  return act(context, *image, arguments);
}

}  // namespace oxbow::tools
