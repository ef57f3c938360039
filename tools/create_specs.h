// The tables of -o keys, one for each format whose images can be created.
#pragma once

#include <span>
#include <string_view>

#include "create_options.h"

namespace oxbow::tools {

/// The keys of `format` alone. Errors are the stock words for unknown formats and for those
/// that cannot be created.
Result<std::span<const CreateOptionSpec>> create_specs_of(std::string_view format);

}  // namespace oxbow::tools
