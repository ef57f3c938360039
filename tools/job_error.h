// How convert and compare report a job that failed.
#pragma once

#include <oxbow/error.h>

#include "command_line.h"

namespace oxbow::tools {

/// The stock tool says where it failed and errno's words; `oxbow` adds the layer's own
/// message, which names the file.
inline void report_job_error(const ToolContext& context, const Error& error) {
  if (context.stock_name) {
    std::string_view damage = error.hint();
    if (error.kind() == ErrorKind::corrupt && damage.ends_with('\n')) {
      damage.remove_suffix(1);
      report_corruption(damage);
    }
    error_line(context, error.message());
  } else {
    error_report(context, error);
  }
}

}  // namespace oxbow::tools
