// Opening the images that a command names, with the stock tools' report on failure.
#pragma once

#include <oxbow/image.h>

#include <optional>
#include <string>

#include "command_line.h"

namespace oxbow::tools {

/// How the command line asked for its images.
struct OpenRequest {
  bool image_opts = false;            ///< names are --image-opts trees
  std::optional<std::string> format;  ///< none: probed
  OpenOptions options;                ///< format and warn are filled in by open_image()
};

/// The image `name`, or the library's error without the tool's own words around it.
Result<Image> try_open(const ToolContext& context, const std::string& name,
                       const OpenRequest& request);
/// The image `name`; failure is reported as "Could not open 'name': why".
std::optional<Image> open_image(const ToolContext& context, const std::string& name,
                                const OpenRequest& request);

}  // namespace oxbow::tools
