// The formats besides qcow2 and raw, by the stock tools' words: how an image of each is opened.
// A new one: its folder under src/format/, and its lines in format_drivers.cc.
#pragma once

#include <oxbow/options.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/option_tree.h"
#include "async/task.h"
#include "format/format.h"

namespace oxbow::api {

using async::Task;

/// What an opener of a format is given.
struct FormatRequest {
  std::unique_ptr<storage::Storage> file;
  bool writable = false;
  bool check_only = false;
  /// What the caller says of the format; the opener takes what it knows.
  OptionTree* options = nullptr;
  /// Guest data will not be asked for: no key is needed.
  bool metadata_only = false;
  SecretSource secrets;
  /// Opens another file that the image names, by its place beside this one; permission where the
  /// trust policy does not let the image have it.
  std::function<Task<std::unique_ptr<storage::Storage>>(std::string name)> open_beside;
  /// Told what a user should know; no newline.
  std::function<void(std::string_view)> warn;
};

struct FormatDriver {
  std::string_view name;
  Task<std::unique_ptr<format::Format>> (*open)(FormatRequest request);
  bool takes_backing = false;  ///< its images may stand on others
};

/// nullptr: there is no such format here.
[[nodiscard]] const FormatDriver* find_format_driver(std::string_view name);

}  // namespace oxbow::api
