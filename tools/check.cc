// check: compares an image's metadata with itself.
#include <oxbow/image.h>

#include "commands.h"
#include "json_output.h"
#include "open_image.h"
#include "options.h"

namespace oxbow::tools {
namespace {

// Exit codes that scripts know.
enum ExitCode : int { clean = 0, failed = 1, corrupt = 2, leaky = 3, no_check = 63 };

struct CheckArguments {
  std::string filename;
  OpenRequest request;
  OutputFormat output = OutputFormat::human;
  bool quiet = false;
  Repair repair = Repair::none;
};

void print_json(const CheckArguments& arguments, const std::string& format,
                const CheckResult& result) {
  JsonWriter json;
  auto counted = [&json](const char* name, uint64_t count) {
    if (count != 0) json.member(name, count);
  };
  json.begin_object();
  counted("image-end-offset", result.image_end_offset);
  counted("compressed-clusters", result.compressed_clusters);
  counted("total-clusters", result.total_clusters);
  counted("corruptions", result.corruptions);
  counted("corruptions-fixed", result.corruptions_fixed);
  json.member("check-errors", result.check_errors);
  counted("leaks", result.leaks);
  counted("leaks-fixed", result.leaks_fixed);
  counted("allocated-clusters", result.allocated_clusters);
  json.member("filename", arguments.filename);
  json.member("format", format);
  counted("fragmented-clusters", result.fragmented_clusters);
  json.end_object();
  fmt::print("{}\n", json.text());
}

void print_human(const CheckResult& result) {
  if (!result.corruptions && !result.leaks && !result.check_errors) {
    fmt::print("No errors were found on the image.\n");
  }
  if (result.corruptions) {
    fmt::print(
        "\n{} errors were found on the image.\n"
        "Data may be corrupted, or further writes to the image may corrupt it.\n",
        result.corruptions);
  }
  if (result.leaks) {
    fmt::print(
        "\n{} leaked clusters were found on the image.\n"
        "This means waste of disk space, but no harm to data.\n",
        result.leaks);
  }
  if (result.check_errors) {
    fmt::print("\n{} internal errors have occurred during the check.\n", result.check_errors);
  }
  if (result.total_clusters && result.allocated_clusters) {
    auto percent = [](uint64_t part, uint64_t whole) {
      return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    };
    fmt::print("{}/{} = {:.2f}% allocated, {:.2f}% fragmented, {:.2f}% compressed clusters\n",
               result.allocated_clusters, result.total_clusters,
               percent(result.allocated_clusters, result.total_clusters),
               percent(result.fragmented_clusters, result.allocated_clusters),
               percent(result.compressed_clusters, result.allocated_clusters));
  }
  if (result.image_end_offset) fmt::print("Image end offset: {}\n", result.image_end_offset);
}

void print_repaired(const CheckResult& result) {
  fmt::print(
      "The following inconsistencies were found and repaired:\n\n"
      "    {} leaked clusters\n"
      "    {} corruptions\n\n"
      "Double checking the fixed image now...\n",
      result.leaks_fixed, result.corruptions_fixed);
  // Findings go to the error output: what was said before them stands before them.
  std::fflush(stdout);
}

// What is left after a repair is found out by a second check, without one.
Result<CheckResult> check_and_repair(const ToolContext& context, const CheckArguments& arguments,
                                     Image& image) {
  auto tell = [&context](const CheckFinding& finding) { finding_line(context, finding); };
  auto result = image.check(tell, arguments.repair);
  if (!result || (result->corruptions_fixed == 0 && result->leaks_fixed == 0)) return result;
  if (!arguments.quiet && arguments.output == OutputFormat::human) print_repaired(*result);
  auto rest = image.check(tell);
  if (!rest) return rest;
  rest->corruptions_fixed = result->corruptions_fixed;
  rest->leaks_fixed = result->leaks_fixed;
  return rest;
}

int check(const ToolContext& context, const CheckArguments& arguments) {
  auto image = open_image(context, arguments.filename, arguments.request);
  if (!image) return failed;
  auto result = check_and_repair(context, arguments, *image);
  if (!result) {
    if (result.error().kind() == ErrorKind::unsupported) {
      error_report(context, "This image format does not support checks");
      return no_check;
    }
    const Error& error = result.error();
    error_report(context, context.stock_name ? Error::from_errno(error.as_errno()) : error,
                 "Check failed");
    return failed;
  }
  if (!arguments.quiet) {
    if (arguments.output == OutputFormat::json) {
      print_json(arguments, image->format(), *result);
    } else {
      print_human(*result);
    }
  }
  if (result->check_errors) {
    error_report(context, "Check failed");
    return failed;
  }
  if (result->corruptions) return corrupt;
  return result->leaks ? leaky : clean;
}

struct Words {
  const char* output = "human";
  const char* cache = "writeback";
};

// Reads the options; gives the exit code where the command has to leave.
std::optional<int> read_options(const ToolContext& context, CommandLine& line,
                                CheckArguments& arguments, Words& words) {
  for (int option; (option = line.next()) != CommandLine::end;) {
    switch (option) {
      case 'f': arguments.request.format = line.argument(); break;
      case 'r':
        if (std::string_view what = line.argument(); what == "leaks") {
          arguments.repair = Repair::leaks;
        } else if (what == "all") {
          arguments.repair = Repair::all;
        } else if (what == "unreadable" && !context.stock_name) {
          arguments.repair = Repair::unreadable;
        } else {
          return usage_error(context,
                             fmt::format("Unknown option value for -r (expecting {}): {}",
                                         context.stock_name ? "'leaks' or 'all'"
                                                            : "'leaks', 'all' or 'unreadable'",
                                         what));
        }
        break;
      case 'T': words.cache = line.argument(); break;
      case 'q': arguments.quiet = true; break;
      case 'U': arguments.request.options.force_share = true; break;
      case opt_image_opts: arguments.request.image_opts = true; break;
      case opt_output: words.output = line.argument(); break;
      default: break;
    }
  }
  return line.exit_code();
}

}  // namespace

int check_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv, "f:r:T:qU",
                   {{"format", required_argument, nullptr, 'f'},
                    {"repair", required_argument, nullptr, 'r'},
                    {"output", required_argument, nullptr, opt_output},
                    {"image-opts", no_argument, nullptr, opt_image_opts},
                    {"force-share", no_argument, nullptr, 'U'}});
  CheckArguments arguments;
  Words words;
  if (auto code = read_options(context, line, arguments, words)) return *code;
  if (line.operands().size() != 1) return usage_error(context, "Expecting one image file name");
  arguments.filename = line.operands()[0];
  auto output = parse_output_format(context, words.output);
  if (!output) return failed;
  arguments.output = *output;
  auto cache = parse_cache_mode(words.cache);
  if (!cache) {
    error_report(context, "Invalid source cache option: {}", words.cache);
    return failed;
  }
  arguments.request.options.cache = *cache;
  arguments.request.options.check_only = true;
  arguments.request.options.writable = arguments.repair != Repair::none;
  arguments.request.options.trust = line.trust();
  return check(context, arguments);
}

}  // namespace oxbow::tools
