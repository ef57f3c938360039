// Opening named images.
#include "open_image.h"

#include "options.h"

namespace oxbow::tools {

Result<Image> try_open(const ToolContext& context, const std::string& name,
                       const OpenRequest& request) {
  OpenOptions options = request.options;
  options.secrets = context.secrets();
  options.warn = [&context](std::string_view message) { warning_line(context, message); };
  options.on_mismatch = end_at_mismatch;
  context.objects->give_to(options);
  options.on_repair = [&context](const CheckFinding& finding) { finding_line(context, finding); };
  if (request.image_opts) {
    Options tree = parse_image_options(context, name);
    return Image::open_tree(tree, options);
  }
  // An empty name cannot be told from "probe" further down.
  if (request.format == "") return fail(ErrorKind::invalid_argument, "Unknown driver ''");
  options.format = request.format.value_or("");
  return Image::open(name, options);
}

std::optional<Image> open_image(const ToolContext& context, const std::string& name,
                                const OpenRequest& request) {
  if (request.image_opts && request.format) {
    error_report(context, "--image-opts and --format are mutually exclusive");
    return std::nullopt;
  }
  auto image = try_open(context, name, request);
  if (!image) {
    error_report(context, image.error(), fmt::format("Could not open '{}'", name));
    return std::nullopt;
  }
  return std::move(*image);
}

}  // namespace oxbow::tools
