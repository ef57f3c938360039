#include "convert_arguments.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "create_options.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

enum ConvertOption : int {
  opt_target_image_opts = first_own,
  opt_target_is_zero,
  opt_salvage,
  opt_bitmaps,
  opt_skip_broken_bitmaps,
  opt_dirty,
};

constexpr uint64_t largest_sparse_size = uint64_t{16} << 20;
constexpr int most_coroutines = 16;

// What only the options together tell.
struct Reading {
  ConvertArguments& arguments;
  bool sparse_given = false;
};

bool read_sparse_size(const ToolContext& context, const char* text, Reading& reading) {
  const auto size = size_argument(context, "buffer size for sparse output", text);
  if (!size) return false;
  if (*size % 512 != 0 || *size > largest_sparse_size) {
    error_report(context,
                 "Invalid buffer size for sparse output specified. Valid sizes are multiples of "
                 "512 up to {}. Select 0 to disable sparse detection (fully allocates output).",
                 largest_sparse_size);
    return false;
  }
  reading.arguments.sparse_size = *size;
  reading.sparse_given = true;
  return true;
}

bool read_coroutines(const ToolContext& context, const char* text, Reading& reading) {
  long count = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, count);
  if (error != std::errc() || stop != end || count < 1 || count > most_coroutines) {
    error_report(context,
                 "Invalid number of coroutines. Allowed number of coroutines is between 1 and {}",
                 most_coroutines);
    return false;
  }
  reading.arguments.coroutines = static_cast<unsigned>(count);
  return true;
}

bool read_rate_limit(const ToolContext& context, const char* text, Reading& reading) {
  const auto rate = size_argument(context, "rate limit", text);
  if (rate) reading.arguments.rate_limit = *rate;
  return rate.has_value();
}

// An -o of Oxbow's own, and none of the new image: taken out of `list`. False, and told, where it
// is no level.
bool take_compression_level(const ToolContext& context, std::string& list, Reading& reading) {
  constexpr std::string_view key = "compression_level=";
  constexpr int highest = 22;
  if (context.stock_name) return true;
  const size_t begin = list.starts_with(key) ? 0 : list.find("," + std::string(key)) + 1;
  if (begin == 0 && !list.starts_with(key)) return true;
  const size_t value = begin + key.size();
  const size_t end = std::min(list.find(',', value), list.size());
  int level = 0;
  const auto [stop, error] = std::from_chars(list.data() + value, list.data() + end, level);
  if (error != std::errc() || stop != list.data() + end || level < 1 || level > highest) {
    error_report(context, "Invalid compression level '{}'", list.substr(value, end - value));
    return false;
  }
  reading.arguments.compression_level = level;
  const bool first = begin == 0;
  list.erase(first ? 0 : begin - 1, end - (first ? 0 : begin - 1) + (first ? 1 : 0));
  return true;
}

bool take_option_list(const ToolContext& context, const char* text, Reading& reading) {
  std::string list = text;
  if (!take_compression_level(context, list, reading)) return false;
  if (list.empty() && *text != '\0') return true;
  return append_option_list(context, reading.arguments.option_list, list.c_str());
}

// Flags and words that cannot be wrong by themselves.
void take_plain_option(int option, const char* argument, Reading& reading) {
  ConvertArguments& arguments = reading.arguments;
  switch (option) {
    case 'f': arguments.source_request.format = argument; break;
    case 'O': arguments.target_format = argument; break;
    case 'B': arguments.backing_file = argument; break;
    case 'F': arguments.backing_format = argument; break;
    case 't': arguments.target_cache = argument; break;
    case 'T': arguments.source_cache = argument; break;
    case 'p': arguments.progress = true; break;
    case 'q': arguments.quiet = true; break;
    case 'n': arguments.skip_create = true; break;
    case 'c': arguments.compress = true; break;
    case 'C': arguments.copy_offloading = true; break;
    case 'W': arguments.out_of_order = true; break;
    case 'U': arguments.source_request.options.force_share = true; break;
    case opt_image_opts: arguments.source_request.image_opts = true; break;
    case opt_target_image_opts: arguments.target_image_opts = true; break;
    case opt_target_is_zero: arguments.target_is_zero = true; break;
    case opt_salvage: arguments.salvage = true; break;
    case opt_bitmaps: arguments.bitmaps = true; break;
    case opt_dirty: arguments.dirty = argument; break;
    case opt_skip_broken_bitmaps: arguments.skip_broken_bitmaps = true; break;
    default: break;
  }
}

bool take_option(const ToolContext& context, int option, const char* argument, Reading& reading) {
  switch (option) {
    case 'S': return read_sparse_size(context, argument, reading);
    case 'm': return read_coroutines(context, argument, reading);
    case 'r': return read_rate_limit(context, argument, reading);
    case 'l':
      reading.arguments.snapshot = read_snapshot_choice(context, argument);
      return reading.arguments.snapshot.has_value();
    case 'o': return take_option_list(context, argument, reading);
    default: take_plain_option(option, argument, reading); return true;
  }
}

// What contradicts itself, in the stock tool's words; nullptr where all is well.
const char* contradiction(const Reading& reading) {
  const ConvertArguments& arguments = reading.arguments;
  if (arguments.compress && arguments.copy_offloading) {
    return "Cannot enable copy offloading when -c is used";
  }
  if (reading.sparse_given && arguments.copy_offloading) {
    return "Cannot enable copy offloading when -S is used";
  }
  if (arguments.salvage && arguments.copy_offloading) {
    return "Cannot use copy offloading in salvaging mode";
  }
  if (arguments.compression_level != 0 && !arguments.compress) {
    return "compression_level goes with -c";
  }
  if (arguments.skip_broken_bitmaps && !arguments.bitmaps) {
    return "Use of --skip-broken-bitmaps requires --bitmaps";
  }
  if (arguments.dirty && !arguments.backing_file && !arguments.skip_create) {
    return "--dirty needs what the copy is to be made complete by: -B, or -n and a target";
  }
  if (arguments.target_image_opts && !arguments.skip_create) {
    return "--target-image-opts requires use of -n flag";
  }
  if (arguments.target_is_zero && !arguments.skip_create) {
    return "--target-is-zero requires use of -n flag";
  }
  if (arguments.skip_create && !arguments.option_list.empty()) {
    return "-o has no effect when skipping image creation";
  }
  return nullptr;
}

int fail_with(const ToolContext& context, const char* message) {
  error_line(context, message);
  return 1;
}

// Checks that need the operands, too. Gives the code to leave with, if any.
std::optional<int> finish(const ToolContext& context, std::span<char* const> operands,
                          const Reading& reading) {
  ConvertArguments& arguments = reading.arguments;
  if (const char* message = contradiction(reading)) return fail_with(context, message);
  if (asks_for_help(arguments.option_list)) {
    return print_create_help(context, arguments.target_format.value_or("raw"), operands.empty());
  }
  if (operands.size() < 2) return fail_with(context, "Must specify image file name");
  arguments.sources.assign(operands.begin(), operands.end() - 1);
  arguments.target = operands.back();
  if (arguments.dirty && (arguments.sources.size() > 1 || arguments.snapshot)) {
    return fail_with(context, "--dirty goes with one source and its present contents");
  }
  if (arguments.snapshot && arguments.sources.size() > 1) {
    return fail_with(context, "No support for concatenating multiple snapshot");
  }
  return std::nullopt;
}

}  // namespace

ConvertCommand read_convert_arguments(const ToolContext& context, int argc, char** argv) {
  std::vector<option> options{
      {"image-opts", no_argument, nullptr, opt_image_opts},
      {"force-share", no_argument, nullptr, 'U'},
      {"source-image-opts", no_argument, nullptr, opt_image_opts},
      {"target-image-opts", no_argument, nullptr, opt_target_image_opts},
      {"target-is-zero", no_argument, nullptr, opt_target_is_zero},
      {"salvage", no_argument, nullptr, opt_salvage},
      {"bitmaps", no_argument, nullptr, opt_bitmaps},
      {"skip-broken-bitmaps", no_argument, nullptr, opt_skip_broken_bitmaps}};
  // The stock tool has no such option.
  if (!context.stock_name) options.push_back({"dirty", required_argument, nullptr, opt_dirty});
  CommandLine line(context, argc, argv, "f:O:B:F:ct:T:S:pqnl:o:m:r:WUC", std::move(options));
  ConvertCommand command;
  Reading reading{command.arguments};
  for (int option; (option = line.next()) != CommandLine::end;) {
    if (!take_option(context, option, line.argument(), reading)) {
      command.exit_code = 1;
      return command;
    }
  }
  command.exit_code = line.exit_code();
  if (command.exit_code) return command;
  command.arguments.trust = line.trust();
  command.exit_code = finish(context, line.operands(), reading);
  return command;
}

}  // namespace oxbow::tools
