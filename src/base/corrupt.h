// What a file says and cannot mean.
#pragma once

#include <cerrno>
#include <string>

#include "base/result.h"

namespace oxbow {

/// An error of kind corrupt.
inline std::unexpected<Error> corrupt(std::string message) {
  return fail(ErrorKind::corrupt, std::move(message), EINVAL);
}

}  // namespace oxbow
