// The tables of -o keys, one for each format whose images can be created or amended.
#pragma once

#include <span>
#include <string_view>

#include "create_options.h"

namespace oxbow::tools {

/// The keys of `format` alone. Errors are the stock words for unknown formats and for those
/// that cannot be created.
Result<std::span<const CreateOptionSpec>> create_specs_of(std::string_view format);

/// The keys of `format` that change an image there is; errors likewise.
Result<std::span<const CreateOptionSpec>> amend_specs_of(std::string_view format);

}  // namespace oxbow::tools
