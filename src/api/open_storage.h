// Opening the bytes below a format: by a name, by options, or by both. The only place that
// names the storage drivers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/node_options.h"
#include "api/option_tree.h"
#include "api/shown_name.h"
#include "async/task.h"
#include "storage/storage.h"

namespace oxbow::api {

using async::Task;

struct OpenedStorage {
  std::unique_ptr<storage::Storage> storage;
  ShownName shown;
  std::string file;       ///< the host file at the bottom; empty where there is none
  bool is_image = false;  ///< an image with a format of its own, not the bytes of `file`
  std::string identity;   ///< the same for two that hold the same bytes; empty: unlike any other
};

/// Opens any image as a storage, probed where its format is not said.
using ImageOpener = std::function<Task<OpenedStorage>(std::optional<std::string> name,
                                                      OptionTree options, NodeOptions node)>;

struct StorageRequest {
  std::optional<std::string> name;  ///< a file name, protocols allowed
  OptionTree options;               ///< of the storage driver, "driver" perhaps among them
  NodeOptions node;                 ///< what the parent node hands down
  storage::Sharing sharing = storage::Sharing::write;
  bool resized_here_only = false;  ///< see storage::FileOptions
  std::string aio;                 ///< unless the options say otherwise
  std::function<void(const std::string&)> debug_output;
  /// Told where copies that should be alike are not.
  std::function<void(const std::string&)> on_mismatch;
  ImageOpener open_node;
};

/// Errors have the stock tools' words; options that no driver took are among them.
Task<OpenedStorage> open_storage(StorageRequest request);

/// The request for what lies below a driver under `key`: by options, or by a name ("x-" + key).
Result<StorageRequest> child_request(StorageRequest& request, const std::string& key);

/// An error that names the first of the options that a driver did not take.
Result<void> check_options_taken(const OptionTree& options, const std::string& driver);

}  // namespace oxbow::api
