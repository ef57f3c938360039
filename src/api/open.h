// Opening: from a name or an option tree to a node with its backing chain.
#pragma once

#include <oxbow/options.h>

#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::api {

using async::Task;

/// An open image, and what the public calls need to know besides its node.
struct Opened {
  std::shared_ptr<graph::Node> node;
  /// Of the layers, the top one first: as `info` and messages show them.
  std::vector<std::string> filenames;
  bool unmap = false;         ///< discards and zeroes may give up allocation
  bool writethrough = false;  ///< every write is durable before it completes
};

/// `name` as the stock tools read it: a path, "json:{...}", "driver:...".
Task<Opened> open_name(std::string name, OpenOptions options);
/// A tree of dotted options.
Task<Opened> open_tree(Options tree, OpenOptions options);

}  // namespace oxbow::api
