// convert: copies the guest contents of one or more images into another, new or not.
#include <oxbow/jobs.h>
#include <sys/stat.h>

#include <algorithm>

#include "commands.h"
#include "convert_arguments.h"
#include "create_options.h"
#include "job_error.h"
#include "options.h"
#include "progress.h"

namespace oxbow::tools {
namespace {

constexpr uint64_t sector = 512;
constexpr std::string_view no_compression = "Compression not supported for this file format";

bool can_compress(std::string_view format) {
  return format == "qcow2" || format == "qcow" || format == "vmdk";
}

// One run of the command; every step tells the user what went wrong and returns false.
class Conversion {
 public:
  Conversion(const ToolContext& context, ConvertArguments arguments)
      : context_(context), arguments_(std::move(arguments)) {}

  bool run() {
    ProgressPrinter progress(context_, arguments_.progress, arguments_.quiet);
    progress.report(0, 1);
    return open_sources() && choose_snapshot() && check_bitmaps() && prepare_target() &&
           open_target() && copy_contents(progress) && copy_bitmaps() && close_target();
  }

 private:
  bool open_sources();
  bool choose_snapshot();
  bool prepare_target();
  bool set_target_options(CreateOptionList& list);
  bool check_backing(const CreateOptionList& list);
  bool check_compression(const CreateOptionList& list);
  bool check_target_compression();
  bool read_target_cache();
  bool create_target(const CreateOptionList& list);
  bool open_target();
  bool check_bitmaps();
  bool target_takes_bitmaps();
  bool copy_bitmap(const BitmapInfo& bitmap);
  bool copy_bitmaps();
  bool choose_ranges(CopyOptions& options);
  bool copy_contents(ProgressPrinter& progress);
  bool close_target();
  bool target_reads_as_zero();

  bool refuse(std::string_view message) {
    error_line(context_, message);
    return false;
  }
  bool refuse(const Error& error, std::string_view where = {}) {
    error_report(context_, error, where);
    return false;
  }
  std::string target_format() const { return arguments_.target_format.value_or("raw"); }

  const ToolContext& context_;
  ConvertArguments arguments_;
  std::vector<Image> sources_;
  Options target_keys_;  // by which a target that was made is opened
  std::optional<Image> target_;
  CacheMode target_cache_ = CacheMode::unsafe;
  uint64_t total_ = 0;  // bytes, in whole sectors
  bool has_backing_ = false;
};

bool Conversion::open_sources() {
  const auto cache = parse_cache_mode(arguments_.source_cache);
  if (!cache) {
    return refuse(fmt::format("Invalid source cache option: {}", arguments_.source_cache));
  }
  OpenRequest& request = arguments_.source_request;
  request.options.cache = *cache;
  request.options.trust = arguments_.trust;
  request.options.deny_writers = true;  // a target that is the source must not be emptied
  for (const std::string& name : arguments_.sources) {
    auto image = open_image(context_, name, request);
    if (!image) return false;
    total_ += (image->size() + sector - 1) / sector * sector;
    sources_.push_back(std::move(*image));
  }
  return true;
}

bool Conversion::choose_snapshot() {
  if (!arguments_.snapshot) return true;
  if (!view_snapshot(context_, sources_.front(), *arguments_.snapshot)) return false;
  total_ = (sources_.front().size() + sector - 1) / sector * sector;
  return true;
}

bool Conversion::prepare_target() {
  if (arguments_.skip_create) {
    has_backing_ = arguments_.backing_file.has_value();
    return read_target_cache();
  }
  auto list = CreateOptionList::for_format(target_format());
  if (!list) return refuse(list.error());
  if (auto possible = check_creation_protocol(arguments_.target); !possible) {
    return refuse(possible.error());
  }
  return set_target_options(*list) && check_backing(*list) && check_compression(*list) &&
         read_target_cache() && create_target(*list);
}

bool Conversion::set_target_options(CreateOptionList& list) {
  if (auto parsed = list.parse(arguments_.option_list); !parsed) return refuse(parsed.error());
  list.set("size", std::to_string(total_));  // whatever -o said
  if (arguments_.backing_file && !list.set("backing_file", *arguments_.backing_file)) {
    return refuse(fmt::format("Backing file not supported for file format '{}'", target_format()));
  }
  if (arguments_.backing_format && !list.set("backing_fmt", *arguments_.backing_format)) {
    return refuse(
        fmt::format("Backing file format not supported for file format '{}'", target_format()));
  }
  return true;
}

bool Conversion::check_backing(const CreateOptionList& list) {
  has_backing_ = list.get("backing_file").has_value();
  if (!has_backing_) return true;
  if (arguments_.sources.size() > 1) {
    return refuse(
        "Having a backing file for the target makes no sense when concatenating multiple input "
        "images");
  }
  if (!list.get("backing_fmt"))
    return refuse("Use of backing file requires explicit backing format");
  return true;
}

bool Conversion::check_compression(const CreateOptionList& list) {
  if (!arguments_.compress) return true;
  if (!can_compress(target_format())) return refuse(no_compression);
  const auto preallocation = list.get("preallocation");
  if (preallocation && *preallocation != "off") {
    return refuse("Compression and preallocation not supported at the same time");
  }
  if (list.get("encrypt.format") || list.get("encryption") == "on") {
    return refuse("Compression and encryption not supported at the same time");
  }
  constexpr int highest_of_zlib = 9;
  if (arguments_.compression_level > highest_of_zlib && list.get("compression_type") != "zstd") {
    return refuse("The levels of zlib end at 9");
  }
  return true;
}

bool Conversion::read_target_cache() {
  const auto cache = parse_cache_mode(arguments_.target_cache);
  if (!cache) return refuse(fmt::format("Invalid cache option: {}", arguments_.target_cache));
  target_cache_ = *cache;
  return true;
}

bool Conversion::create_target(const CreateOptionList& list) {
  CreateOptions options;
  options.filename = arguments_.target;
  options.format = target_format();
  options.size = *list.size("size");
  options.backing_file = list.get("backing_file").value_or("");
  options.backing_format = list.get("backing_fmt").value_or("");
  options.open_backing = false;  // opening the target tells
  options.format_options = list.format_options();
  options.trust = arguments_.trust;
  options.secrets = context_.secrets();
  options.warn = [this](std::string_view message) { warning_line(context_, message); };
  const auto created = Image::create(options);
  // What locked it opens it.
  for (const char* key : {"key-secret", "encrypt.key-secret"}) {
    if (const auto id = list.get(key)) target_keys_[key] = *id;
  }
  if (created) return true;
  return refuse(created.error(),
                fmt::format("{}: error while converting {}", arguments_.target, target_format()));
}

bool Conversion::open_target() {
  OpenRequest request;
  request.image_opts = arguments_.target_image_opts;
  if (!arguments_.target_image_opts) {
    request.format = target_format();
  } else {
    request.format = arguments_.target_format;
  }
  request.options.writable = true;
  request.options.cache = target_cache_;
  request.options.unmap_on_discard = true;
  request.options.trust = arguments_.trust;
  request.options.driver = target_keys_;
  target_ = open_image(context_, arguments_.target, request);
  if (!target_) return false;
  if (!check_target_compression()) return false;
  if (!target_takes_bitmaps()) return false;
  if (total_ > (target_->size() + sector - 1) / sector * sector) {
    return refuse("output file is smaller than input file");
  }
  return true;
}

bool Conversion::check_target_compression() {
  if (!arguments_.compress) return true;
  if (!can_compress(target_->format())) return refuse(no_compression);
  const auto info = target_->info();
  return (info && info->cluster_size) || refuse("invalid cluster size");
}

bool Conversion::check_bitmaps() {
  if (!arguments_.bitmaps) return true;
  if (sources_.size() > 1 || sources_.front().format() != "qcow2") {
    return refuse(sources_.size() > 1 ? "Copying bitmaps only possible with single source"
                                      : "Source lacks bitmap support");
  }
  if (arguments_.skip_broken_bitmaps) return true;
  auto info = sources_.front().info();
  if (!info) return refuse(info.error());
  for (const BitmapInfo& bitmap : info->qcow2->bitmaps) {
    if (bitmap.usable) continue;
    return refuse(
        Error(ErrorKind::corrupt, fmt::format("Cannot copy inconsistent bitmap '{}'", bitmap.name))
            .with_hint("Try --skip-broken-bitmaps, or use 'qemu-img bitmap --remove' to "
                       "delete it\n"));
  }
  return true;
}

bool Conversion::target_takes_bitmaps() {
  if (!arguments_.bitmaps || target_->format() == "qcow2") return true;
  return refuse(fmt::format("Format driver '{}' does not support bitmaps", target_->format()));
}

bool Conversion::copy_bitmap(const BitmapInfo& bitmap) {
  if (!bitmap.usable) {
    warn_report(context_, "Skipping inconsistent bitmap '{}'", bitmap.name);
    return true;
  }
  const auto added = target_->add_bitmap(bitmap.name, bitmap.granularity, false);
  if (!added) {
    return refuse(added.error(), fmt::format("Failed to create bitmap {}", bitmap.name));
  }
  Result<void> filled = target_->merge_bitmap(bitmap.name, sources_.front(), bitmap.name);
  const bool enabled = std::ranges::find(bitmap.flags, "auto") != bitmap.flags.end();
  if (filled && enabled) filled = target_->enable_bitmap(bitmap.name, true);
  return filled || refuse(filled.error(), fmt::format("Failed to populate bitmap {}", bitmap.name));
}

bool Conversion::copy_bitmaps() {
  if (!arguments_.bitmaps) return true;
  auto info = sources_.front().info();
  if (!info) return refuse(info.error());
  return std::ranges::all_of(info->qcow2->bitmaps,
                             [&](const BitmapInfo& bitmap) { return copy_bitmap(bitmap); });
}

// A new file does; a device keeps what it held, and where everything is decrypted nothing is zero.
bool Conversion::target_reads_as_zero() {
  if (arguments_.target_is_zero) return true;
  if (arguments_.skip_create || target_format() == "luks") return false;
  const auto info = target_->info();
  if (info && info->encrypted && info->qcow2 && info->qcow2->version < 3) return false;
  struct stat about;
  const bool device = ::stat(arguments_.target.c_str(), &about) == 0 && S_ISBLK(about.st_mode);
  return !device || target_format() != "raw";
}

bool Conversion::choose_ranges(CopyOptions& options) {
  if (!arguments_.dirty) return true;
  options.ranges.emplace();
  const auto take = [&](uint64_t offset, uint64_t length) {
    options.ranges->push_back({offset, length});
  };
  const auto visited = sources_.front().visit_dirty(*arguments_.dirty, take);
  return visited || refuse(visited.error(), sources_.front().filename());
}

bool Conversion::copy_contents(ProgressPrinter& progress) {
  CopyOptions options;
  if (!choose_ranges(options)) return false;
  options.sparse_size = arguments_.sparse_size;
  options.target_is_zero = target_reads_as_zero();
  options.target_has_backing = has_backing_;
  options.kernel_copy = arguments_.copy_offloading;
  options.parallel = arguments_.coroutines;
  options.in_order = !arguments_.out_of_order;
  options.salvage = arguments_.salvage;
  options.compress = arguments_.compress;
  options.compression_level = arguments_.compression_level;
  options.rate_limit = arguments_.rate_limit;
  options.warn = [this](std::string_view message) { warning_line(context_, message); };
  options.progress.report = [&](uint64_t done, uint64_t total) { progress.report(done, total); };
  std::vector<Image*> sources;
  sources.reserve(sources_.size());
  for (Image& source : sources_) sources.push_back(&source);
  const auto copied = copy(sources, *target_, options);
  if (copied) {
    progress.report(1, 1);
    return true;
  }
  report_job_error(context_, copied.error());
  return false;
}

bool Conversion::close_target() {
  const auto closed = target_->close();
  return closed || refuse(closed.error());
}

}  // namespace

int convert_main(const ToolContext& context, int argc, char** argv) {
  ConvertCommand command = read_convert_arguments(context, argc, argv);
  if (command.exit_code) return *command.exit_code;
  return Conversion(context, std::move(command.arguments)).run() ? 0 : 1;
}

}  // namespace oxbow::tools
