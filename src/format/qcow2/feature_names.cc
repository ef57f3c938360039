#include "format/qcow2/feature_names.h"

#include <algorithm>
#include <cstring>

namespace oxbow::format::qcow2 {

std::vector<std::byte> encode_feature_names(std::span<const FeatureName> names) {
  std::vector<std::byte> table(names.size() * feature_row);
  for (size_t i = 0; i < names.size(); ++i) {
    std::byte* row = table.data() + i * feature_row;
    row[0] = std::byte{names[i].type};
    row[1] = std::byte{names[i].bit};
    std::memcpy(row + 2, names[i].name.data(),
                std::min<uint64_t>(names[i].name.size(), feature_name_bytes));
  }
  return table;
}

}  // namespace oxbow::format::qcow2
