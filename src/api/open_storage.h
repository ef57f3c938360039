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

struct StorageRequest {
  std::optional<std::string> name;  ///< a file name, protocols allowed
  OptionTree options;               ///< of the storage driver, "driver" perhaps among them
  NodeOptions node;                 ///< what the parent node hands down
  storage::Sharing sharing = storage::Sharing::write;
  std::string aio;  ///< unless the options say otherwise
  std::function<void(const std::string&)> debug_output;
};

struct OpenedStorage {
  std::unique_ptr<storage::Storage> storage;
  ShownName shown;
  std::string file;      ///< the host file at the bottom; empty where there is none
  std::string identity;  ///< the same for two that hold the same bytes; empty: unlike any other
};

/// Errors have the stock tools' words; options that no driver took are among them.
Task<OpenedStorage> open_storage(StorageRequest request);

}  // namespace oxbow::api
