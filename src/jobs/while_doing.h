// How a job says what it was doing when something failed.
#pragma once

#include <oxbow/error.h>

#include <cstring>
#include <string>
#include <string_view>

namespace oxbow::jobs {

/// The stock tool's line ("error while reading at byte 512: Input/output error"), of the kind of
/// its cause, with the cause's own words as a hint.
inline Error while_doing(std::string_view what, uint64_t offset, const Error& cause) {
  const int code = cause.as_errno();
  return Error(cause.kind(),
               std::string(what) + std::to_string(offset) + ": " + std::strerror(code), code)
      .with_hint(cause.message() + "\n");
}

}  // namespace oxbow::jobs
