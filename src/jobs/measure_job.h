// How many bytes of the clusters of a new image a source fills; nothing but block status is asked.
#pragma once

#include <memory>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::jobs {

/// Bytes of the clusters of `cluster_size` that hold what `node` does not know to be zero.
async::Task<uint64_t> measure_data(std::shared_ptr<graph::Node> node, uint64_t cluster_size);

}  // namespace oxbow::jobs
