// The command line of convert, read and checked as far as that goes without any image.
#pragma once

#include <oxbow/options.h>

#include <optional>
#include <string>
#include <vector>

#include "open_image.h"
#include "snapshot_choice.h"

namespace oxbow::tools {

struct ConvertArguments {
  std::vector<std::string> sources;
  std::string target;
  OpenRequest source_request;
  bool target_image_opts = false;
  std::optional<std::string> target_format;  ///< none: raw, or what the target's options say
  std::string option_list;                   ///< all -o
  std::optional<std::string> backing_file;
  std::optional<std::string> backing_format;
  std::optional<SnapshotChoice> snapshot;
  std::string source_cache = "writeback";
  std::string target_cache = "unsafe";
  uint64_t sparse_size = 4096;
  uint64_t rate_limit = 0;  ///< bytes a second; 0: none
  unsigned coroutines = 8;
  bool progress = false;
  bool quiet = false;
  bool skip_create = false;
  bool target_is_zero = false;
  bool out_of_order = false;
  bool copy_offloading = false;
  bool salvage = false;
  bool compress = false;
  int compression_level = 0;  ///< 0: as usual
  bool bitmaps = false;
  std::optional<std::string> dirty;  ///< copied is what this bitmap of the source marks
  bool skip_broken_bitmaps = false;
  Trust trust = Trust::all;
};

/// The arguments, or the code to leave with, after telling the user.
struct ConvertCommand {
  ConvertArguments arguments;
  std::optional<int> exit_code;
};
ConvertCommand read_convert_arguments(const ToolContext& context, int argc, char** argv);

}  // namespace oxbow::tools
