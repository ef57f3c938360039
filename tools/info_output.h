// How `info` writes what it found: the stock tool's lines and its JSON. Apart from info.cc so
// that it can be tested without an image.
#pragma once

#include <oxbow/info.h>

#include <span>
#include <string>

namespace oxbow::tools {

/// The table of snapshots, its heading included; each line ends with a newline.
std::string snapshot_table(std::span<const SnapshotInfo> snapshots);

std::string info_human(const ImageInfo& info);
/// One object, or an array of them where the chain was asked for.
std::string info_json(std::span<const ImageInfo> chain, bool as_array);
/// "Format specific information:" and its lines, each after `indent` blanks; empty for formats
/// that have none.
std::string format_specific_human(const ImageInfo& info);

void print_info_human(std::span<const ImageInfo> chain);
void print_info_json(std::span<const ImageInfo> chain, bool as_array);

}  // namespace oxbow::tools
