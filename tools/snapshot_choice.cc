#include "snapshot_choice.h"

#include <algorithm>

#include "options.h"

namespace oxbow::tools {

std::optional<SnapshotChoice> read_snapshot_choice(const ToolContext& context, const char* text) {
  if (!std::string_view(text).starts_with("snapshot.")) return SnapshotChoice{text, text, true};
  SnapshotChoice choice;
  for (const OptionItem& item : split_options(text)) {
    if (item.key == "snapshot.id") {
      choice.id = item.value;
    } else if (item.key == "snapshot.name") {
      choice.name = item.value;
    } else {
      error_report(context, "Invalid parameter '{}'", item.key);
      error_report(context, "Failed in parsing snapshot param '{}'", text);
      return std::nullopt;
    }
  }
  return choice;
}

bool view_snapshot(const ToolContext& context, Image& image, const SnapshotChoice& wanted) {
  const auto info = image.info();
  if (!info) {
    error_report(context, info.error());
    return false;
  }
  if (!info->qcow2) {
    error_report(context,
                 "Failed to load snapshot: Block format '{}' used by device '' does not support "
                 "temporarily loading internal snapshots",
                 image.format());
    return false;
  }
  const auto found = std::ranges::find_if(info->snapshots, [&](const SnapshotInfo& snapshot) {
    if (wanted.either) return snapshot.id == wanted.id || snapshot.name == wanted.name;
    return (wanted.id.empty() || snapshot.id == wanted.id) &&
           (wanted.name.empty() || snapshot.name == wanted.name);
  });
  if (found == info->snapshots.end()) {
    error_line(context, "Failed to load snapshot: Can't find snapshot");
    return false;
  }
  const auto loaded = image.view_snapshot(found->id);
  if (!loaded) error_report(context, loaded.error(), "Failed to load snapshot");
  return loaded.has_value();
}

}  // namespace oxbow::tools
