// The options that every node of a tree has, whatever its driver, and what a child node
// takes over from its parent.
#pragma once

#include <oxbow/options.h>

#include "api/option_tree.h"

namespace oxbow::api {

struct NodeOptions {
  bool writable = false;
  bool force_share = false;
  bool direct = false;    ///< cache.direct
  bool no_flush = false;  ///< cache.no-flush
  bool unmap = false;     ///< discard=unmap
  DetectZeroes detect_zeroes = DetectZeroes::off;

  [[nodiscard]] CacheMode cache() const;
  /// For the storage below a format: discards that reach it are meant.
  [[nodiscard]] NodeOptions for_file() const;
  /// For a backing node: never written.
  [[nodiscard]] NodeOptions for_backing() const;
};

/// What the caller's options say for the top node.
[[nodiscard]] NodeOptions node_options_from(const OpenOptions& options);

/// Takes the common keys out of `tree`; what it does not mention stays as in `base`.
Result<NodeOptions> take_node_options(OptionTree& tree, NodeOptions base);

}  // namespace oxbow::api
