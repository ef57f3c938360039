// What happens to an open image without being anybody's answer. Names and data are those of
// the QMP events.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace oxbow {

/// BLOCK_IMAGE_CORRUPTED: damage was met, and a write that would have made it worse was
/// refused. Nothing is written to the image from then on; reads go on where they are safe.
struct ImageCorrupted {
  std::string reference;           ///< the node's name, or the file's where it has none
  std::string message;             ///< "Preventing invalid write on metadata (overlaps with ...)"
  std::optional<uint64_t> offset;  ///< host bytes
  std::optional<uint64_t> size;    ///< bytes
  bool fatal = true;
};

/// QCOW2_OVERLAP_CHECK_MEMORY_LIMIT_REACHED: the overlap guard has no memory for this part of
/// the file and answers from the tables on disk there, or, with overlap-degrade=unprotected,
/// no longer protects it. Comes once for each part.
struct OverlapCheckMemoryLimitReached {
  std::string reference;
  std::optional<uint64_t> start;   ///< host bytes
  std::optional<uint64_t> length;  ///< bytes; absent: all from `start` on
};

using ImageEvent = std::variant<ImageCorrupted, OverlapCheckMemoryLimitReached>;
/// Called on the image's thread, during one of its operations. Must not use the image.
using EventSink = std::function<void(const ImageEvent&)>;

}  // namespace oxbow
