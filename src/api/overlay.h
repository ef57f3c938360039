// A temporary image over another: writes go there and vanish with it.
#pragma once

#include <memory>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::api {

/// A node over `base` whose file, in $TMPDIR or /var/tmp, has no name any more.
async::Task<std::shared_ptr<graph::Node>> open_overlay(std::shared_ptr<graph::Node> base,
                                                       bool writable);

}  // namespace oxbow::api
