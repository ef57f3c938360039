// What a file name means: a path, a protocol, a json: object; and how names that an image
// states are resolved against the image's own place.
#pragma once

#include <string>
#include <string_view>

#include "api/option_tree.h"

namespace oxbow::api {

inline constexpr std::string_view json_prefix = "json:";

/// "nbd" for "nbd:localhost:10809"; empty for a path. A colon after a slash is no protocol.
[[nodiscard]] std::string_view protocol_of(std::string_view name);

/// A name that opens `path` whatever colons it has: "./a:b" for "a:b".
[[nodiscard]] std::string path_as_name(const std::string& path);

/// `named` as seen from the image in file `base`: absolute paths and protocols stay, relative
/// paths start in the directory of `base`.
[[nodiscard]] std::string resolve_name(std::string_view base, std::string_view named);

/// Drivers that are opened by themselves: "file", "null-co", "blkdebug", ...
[[nodiscard]] bool is_storage_driver(std::string_view driver);

/// Adds to `options` of a storage what `name` says: "driver", and the driver's own keys. A
/// driver that is there already reads the name its own way. Errors: unknown protocols, and
/// names that a driver does not take.
Result<void> apply_filename(const std::string& name, OptionTree& options);

}  // namespace oxbow::api
