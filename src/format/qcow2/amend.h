// What an image is to become, from the stock tools' words, checked against what it is.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

struct Amendment {
  uint32_t version = 3;
  uint32_t refcount_order = v2_refcount_order;
  bool lazy_refcounts = false;
  uint64_t size = 0;                     ///< of the disk, bytes
  std::optional<std::string> data_file;  ///< its new name, empty for none; absent: as it is
  bool raw_data_file = false;            ///< it is to be readable by itself
};

/// Called now and then; both in the same unit.
using AmendProgress = std::function<void(uint64_t done, uint64_t total)>;

/// The image's own state with what `words` change. Errors are the stock tool's sentences, in its
/// order: invalid_argument, or unsupported for what this image cannot become.
Result<Amendment> read_amendment(const std::map<std::string, std::string>& words,
                                 const Header& header);

}  // namespace oxbow::format::qcow2
