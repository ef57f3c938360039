// Where a UDIF image keeps its tables of chunks: taken out of the property list or the resource
// fork as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oxbow::format::dmg {

using Table = std::vector<std::byte>;

/// Of a property list (XML): the contents of its <data> elements, in base64.
Result<std::vector<Table>> tables_of_list(std::string_view list);
/// Of a resource fork: its data, each piece with its length before it.
Result<std::vector<Table>> tables_of_fork(std::span<const std::byte> fork);

}  // namespace oxbow::format::dmg
