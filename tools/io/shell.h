// What the commands of the io shell work on: the open image, buffers kept between commands,
// and how a command line is run. The commands themselves are listed in command_table.cc.
#pragma once

#include <oxbow/image.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../command_line.h"
#include "io_buffer.h"

namespace oxbow::tools::io {

/// How an image was opened, so that it can be opened again with other options.
struct OpenRecipe {
  std::optional<std::string> name;  ///< none: the tree alone says what to open
  Options tree;                     ///< dotted options that were given
  OpenOptions options;
};

struct Shell {
  explicit Shell(const ToolContext& called) : context(called), trust(called.trust) {}

  const ToolContext& context;
  Trust trust;
  std::optional<Image> image;
  OpenRecipe recipe;             ///< of `image`
  bool image_opts = false;       ///< names are trees of options
  bool told_corruption = false;  ///< of `image`; the stock tool tells it once
  unsigned in_flight = 0;        ///< asynchronous requests
  BufferPool read_buffers;
  BufferPool write_buffers;
  std::string line;          ///< words of the command that runs, each ended by a 0
  std::vector<char*> words;  ///< in `line`
};

enum class Outcome { done, failed, quit };

/// Splits `line` at blanks and runs the command; an empty line does nothing.
Outcome run_line(Shell& shell, std::string_view line);

/// "read failed: why" to stdout. Under the stock name the words are errno's, and damage of
/// the image is told on stderr first.
void report_failure(Shell& shell, std::string_view verb, const Error& error);

}  // namespace oxbow::tools::io
