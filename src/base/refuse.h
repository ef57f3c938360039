// What a caller asks for and cannot have.
#pragma once

#include <cerrno>
#include <string>

#include "base/result.h"

namespace oxbow {

/// An error of kind invalid_argument.
inline std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::invalid_argument, std::move(message), EINVAL);
}

}  // namespace oxbow
