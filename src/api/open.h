// Opening: from a name or an option tree to a node with its backing chain.
#pragma once

#include <oxbow/options.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/node_options.h"
#include "api/option_tree.h"
#include "async/task.h"
#include "graph/node.h"

namespace oxbow::api {

using async::Task;

/// What one layer was opened by.
struct LayerRecipe {
  std::optional<std::string> name;
  OptionTree tree;
  NodeOptions inherited;
};

/// An open image, and what the public calls need to know besides its node.
struct Opened {
  std::shared_ptr<graph::Node> node;
  /// Of the layers, the top one first: as `info` and messages show them.
  std::vector<std::string> filenames;
  /// How each layer was opened, for opening it again; the top one first.
  std::vector<LayerRecipe> recipes;
  OpenOptions options;
  bool unmap = false;         ///< discards and zeroes may give up allocation
  bool writethrough = false;  ///< every write is durable before it completes
};

/// `name` as the stock tools read it: a path, "json:{...}", "driver:...".
Task<Opened> open_name(std::string name, OpenOptions options);
/// A tree of dotted options.
Task<Opened> open_tree(Options tree, OpenOptions options);

/// Closes the layer `depth` > 0 of an open image and opens it again for writing, or, where that
/// fails, for reading as before. Nothing is under way.
Task<> reopen_writable(Opened& opened, unsigned depth);

/// A second node of the top layer, for reading, over the same layers below; to be closed alone.
Task<std::shared_ptr<graph::Node>> open_to_look(const Opened& opened);

}  // namespace oxbow::api
