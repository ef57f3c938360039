// Identifiers that are random, for formats whose images carry one.
#pragma once

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/result.h"

namespace oxbow {

using Uuid = std::array<std::byte, 16>;

/// Of version 4 and variant 1, in the byte order of RFC 4122.
inline Result<Uuid> random_uuid() {
  Uuid out{};
  if (::getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) {
    return std::unexpected(Error::from_errno(errno, "Could not get random bytes"));
  }
  out[6] = (out[6] & std::byte{0x0f}) | std::byte{0x40};
  out[8] = (out[8] & std::byte{0x3f}) | std::byte{0x80};
  return out;
}

}  // namespace oxbow
