// The text of a vmdk image: what it is, which files its disk lies in, what lies below it. A file
// of its own, or a part of a sparse file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oxbow::format::vmdk {

/// parentCID of an image that stands on nothing.
inline constexpr uint32_t no_parent = 0xffffffff;

struct ExtentLine {
  uint64_t sectors = 0;
  std::string type;  ///< "FLAT", "SPARSE", ...
  std::string file;
  uint64_t offset = 0;  ///< sectors, of flat ones
};

struct Descriptor {
  uint32_t cid = 0;  ///< changes when the contents do
  uint32_t parent_cid = no_parent;
  std::string create_type;
  std::string parent_file;  ///< empty: none
  std::vector<ExtentLine> extents;
};

/// corrupt: what is wrong with the text.
Result<Descriptor> parse_descriptor(std::string_view text);

/// Where the digits of CID stand in `text`; npos where they do not.
struct CidPlace {
  size_t offset = std::string_view::npos;
  size_t length = 0;
};
[[nodiscard]] CidPlace find_cid(std::string_view text);

}  // namespace oxbow::format::vmdk
