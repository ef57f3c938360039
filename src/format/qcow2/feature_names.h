// The feature name table as its extension holds it: a row a feature.
#pragma once

#include "format/qcow2/extensions.h"

namespace oxbow::format::qcow2 {

inline constexpr uint64_t feature_row = 48;  ///< bytes: type, bit, name
inline constexpr uint64_t feature_name_bytes = 46;

[[nodiscard]] std::vector<std::byte> encode_feature_names(std::span<const FeatureName> names);

}  // namespace oxbow::format::qcow2
