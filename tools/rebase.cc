// rebase: an image is put on another backing file.
#include <oxbow/jobs.h>

#include <cstring>

#include "commands.h"
#include "job_error.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"

namespace oxbow::tools {
namespace {

struct RebaseArguments {
  OpenRequest request;
  std::string filename;
  std::string cache = "writeback";
  std::string source_cache = "writeback";
  std::optional<std::string> backing;
  std::optional<std::string> backing_format;
  bool unsafe = false;
  bool progress = false;
  bool quiet = false;
  bool compress = false;
};

std::optional<int> read_options(CommandLine& line, RebaseArguments& arguments) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'F': arguments.backing_format = line.argument(); break;
      case 'b': arguments.backing = line.argument(); break;
      case 't': arguments.cache = line.argument(); break;
      case 'T': arguments.source_cache = line.argument(); break;
      case 'u': arguments.unsafe = true; break;
      case 'p': arguments.progress = true; break;
      case 'c': arguments.compress = true; break;
      case 'q': arguments.quiet = true; break;
      case 'U': arguments.request.options.force_share = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      default: break;
    }
  }
  return line.exit_code();
}

// One run of the command; every step tells the user what went wrong and returns false.
class Rebase {
 public:
  Rebase(const ToolContext& context, RebaseArguments arguments, Trust trust)
      : context_(context), arguments_(std::move(arguments)), trust_(trust) {}

  bool run() {
    ProgressPrinter progress(context_, arguments_.progress, arguments_.quiet);
    progress.report(0, 1);
    const bool done = open_all() && (arguments_.unsafe || copy_contents(progress)) &&
                      change_header() && close_image();
    if (done) progress.report(1, 1);
    return done;
  }

 private:
  bool open_all() { return read_caches() && open_top() && check_format() && open_below(); }
  bool read_caches();
  bool open_top();
  bool check_format();
  bool open_below();
  bool copy_contents(ProgressPrinter& progress);
  bool change_header();
  bool close_image();

  bool refuse(std::string_view message) {
    error_line(context_, message);
    return false;
  }
  [[nodiscard]] std::string backing() const { return arguments_.backing.value_or(""); }
  bool cannot_change(std::string_view why) {
    return refuse(fmt::format("Could not change the backing file to '{}': {}", backing(), why));
  }

  const ToolContext& context_;
  RebaseArguments arguments_;
  Trust trust_;
  CacheMode source_cache_ = CacheMode::writeback;
  bool share_below_ = false;  // -U
  std::optional<Image> image_;
  std::optional<Image> below_;
};

bool Rebase::read_caches() {
  const auto cache = parse_cache_mode(arguments_.cache);
  if (!cache) return refuse(fmt::format("Invalid cache option: {}", arguments_.cache));
  const auto source = parse_cache_mode(arguments_.source_cache);
  if (!source) {
    return refuse(fmt::format("Invalid source cache option: {}", arguments_.source_cache));
  }
  arguments_.request.options.cache = *cache;
  source_cache_ = *source;
  return true;
}

bool Rebase::open_top() {
  OpenOptions& options = arguments_.request.options;
  // The user asks to write: that others may do so, too, is meant for what is only read.
  share_below_ = std::exchange(options.force_share, false);
  options.writable = true;
  options.unmap_on_discard = true;
  options.open_backing = !arguments_.unsafe;
  options.trust = trust_;
  image_ = open_image(context_, arguments_.filename, arguments_.request);
  return image_.has_value();
}

bool Rebase::check_format() {
  const auto& format = arguments_.backing_format;
  if (!format || known_format(*format)) return true;
  return refuse(fmt::format("Invalid format name: '{}'", *format));
}

bool Rebase::open_below() {
  if (arguments_.unsafe || backing().empty()) return true;
  const auto name = image_->resolve_backing(backing());
  if (!name) {
    error_report(context_, name.error(), "Could not resolve backing filename");
    return false;
  }
  OpenRequest request;
  request.format = arguments_.backing_format;
  request.options.cache = source_cache_;
  request.options.force_share = share_below_;
  request.options.trust = trust_;
  auto opened = try_open(context_, *name, request);
  if (!opened) {
    error_report(context_, opened.error(),
                 fmt::format("Could not open new backing file '{}'", backing()));
    return false;
  }
  below_ = std::move(*opened);
  return true;
}

bool Rebase::copy_contents(ProgressPrinter& progress) {
  RebaseOptions options;
  options.compress = arguments_.compress;
  options.progress.report = [&](uint64_t done, uint64_t total) { progress.report(done, total); };
  const auto copied = rebase(*image_, below_ ? &*below_ : nullptr, options);
  if (!copied) report_job_error(context_, copied.error());
  return copied.has_value();
}

bool Rebase::change_header() {
  if (!backing().empty() && !arguments_.backing_format) {
    return cannot_change("backing format must be specified");
  }
  const auto changed = image_->change_backing(backing(), arguments_.backing_format.value_or(""));
  if (changed) return true;
  const Error& error = changed.error();
  if (!context_.stock_name) return cannot_change(error.message());
  const bool full = error.kind() == ErrorKind::no_space && error.os_error() == ENOSPC;
  return cannot_change(full ? "No space left in the file header" : std::strerror(error.as_errno()));
}

bool Rebase::close_image() {
  const Result<void> closed = image_->close();
  if (!closed) error_report(context_, closed.error(), arguments_.filename);
  return closed.has_value();
}

}  // namespace

int rebase_main(const ToolContext& context, int argc, char** argv) {
  // The stock tool has no -c.
  CommandLine line(context, argc, argv, context.stock_name ? "f:F:b:upt:T:qU" : "f:F:b:cupt:T:qU",
                   {{"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'}});
  RebaseArguments arguments;
  if (auto code = read_options(line, arguments)) return *code;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  if (!arguments.unsafe && !arguments.backing) {
    return usage_error(context, "Must specify backing file (-b) or use unsafe mode (-u)");
  }
  if (arguments.compress && arguments.unsafe) {
    return usage_error(context, "-c has nothing to compress in unsafe mode (-u)");
  }
  arguments.filename = line.operands()[0];
  return Rebase(context, std::move(arguments), line.trust()).run() ? 0 : 1;
}

}  // namespace oxbow::tools
