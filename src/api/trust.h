// The gate for implicit opens: the only place that decides whether an image may make the
// library open another file (CVE-2024-32498 and its like are what happens without one).
#pragma once

#include <oxbow/options.h>

#include <string>

#include "base/result.h"

namespace oxbow::api {

/// Whether `image` may name `named` (already resolved against it).
///
/// same_directory: every file that `named` stands for lies, with all symbolic links followed,
/// in the directory of `image` itself, links followed there too; not above and not below it.
/// Names other than paths, "file:", "null-co://" and json: objects of plain files never do.
/// permission: the error names both files and how to allow it.
Result<void> check_trust(Trust trust, const std::string& image, const std::string& named);

}  // namespace oxbow::api
