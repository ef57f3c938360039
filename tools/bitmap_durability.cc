// bitmap durability: what dirty bitmaps are to survive, kept in the image.
#include <algorithm>
#include <array>
#include <utility>

#include "commands.h"
#include "open_image.h"
#include "options.h"

namespace oxbow::tools {
namespace {

using Setting = std::optional<BitmapDurability>;

constexpr std::array words{
    std::pair{std::string_view("close"), Setting(BitmapDurability::close)},
    std::pair{std::string_view("process"), Setting(BitmapDurability::process)},
    std::pair{std::string_view("power"), Setting(BitmapDurability::power)},
    std::pair{std::string_view("default"), Setting()},
};

int set_durability(const ToolContext& context, const OpenRequest& request,
                   const std::string& filename, const std::string& name, Setting setting) {
  auto image = open_image(context, filename, request);
  if (!image) return 1;
  const Result<void> done = image->set_bitmap_durability(name, setting);
  if (!done) error_report(context, done.error(), filename);
  const Result<void> closed = image->close();
  if (done && !closed) error_report(context, closed.error(), filename);
  return done && closed ? 0 : 1;
}

}  // namespace

int bitmap_durability_main(const ToolContext& context, int argc, char** argv) {
  CommandLine line(context, argc, argv,
                   "f:", {{"image-opts", no_argument, nullptr, opt_image_opts}});
  OpenRequest request;
  for (int option; (option = line.next()) != CommandLine::end;) {
    if (option == 'f') request.format = line.argument();
    if (option == opt_image_opts) request.image_opts = true;
  }
  if (line.exit_code()) return *line.exit_code();
  const std::span<char* const> operands = line.operands();
  if (operands.size() < 2 || operands.size() > 3) {
    return usage_error(context,
                       "Expecting close, process, power or default, a filename and, for one bitmap "
                       "alone, its name");
  }
  const std::string_view wanted = operands[0];
  const auto* const word = std::ranges::find(words, wanted, &decltype(words)::value_type::first);
  if (word == words.end()) {
    error_line(context,
               "durability is close, process, power or default, not '" + std::string(wanted) + "'");
    return 1;
  }
  request.options.writable = true;
  request.options.open_backing = false;
  request.options.trust = line.trust();
  return set_durability(context, request, operands[1], operands.size() == 3 ? operands[2] : "",
                        word->second);
}

}  // namespace oxbow::tools
