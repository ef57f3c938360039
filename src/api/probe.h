// Guessing an image's format from its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace oxbow::api {

/// How many bytes at the start of a file tell its format; less than a sector tells nothing.
inline constexpr size_t probe_bytes = 2048;

/// "qcow2", another format's name that is known but not read here, or "raw". A few formats are
/// told by the file's name only.
[[nodiscard]] std::string probe_format(std::span<const std::byte> head,
                                       std::string_view filename = {});

/// The stock tools read the format, and this library does not.
[[nodiscard]] bool is_foreign_format(std::string_view format);

}  // namespace oxbow::api
