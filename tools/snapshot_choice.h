// -l of convert and measure: which internal snapshot of the source is looked at.
#pragma once

#include <oxbow/image.h>

#include <optional>
#include <string>

#include "command_line.h"

namespace oxbow::tools {

struct SnapshotChoice {
  std::string id;    ///< empty: any
  std::string name;  ///< empty: any; where only one word was given it may be either
  bool either = false;
};

/// "snapshot.id=ID,snapshot.name=NAME", or one word for either; nothing, and reported, where it is
/// malformed.
std::optional<SnapshotChoice> read_snapshot_choice(const ToolContext& context, const char* text);

/// `image` reads as the chosen snapshot from now on; false, and reported, where it cannot.
bool view_snapshot(const ToolContext& context, Image& image, const SnapshotChoice& wanted);

}  // namespace oxbow::tools
