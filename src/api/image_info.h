// Questions about open images: what they say of themselves, where bytes are, whether the
// metadata agrees with itself.
#pragma once

#include <oxbow/info.h>
#include <oxbow/options.h>

#include <functional>
#include <memory>
#include <string>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::api {

using async::Task;

Task<ImageInfo> describe(std::shared_ptr<graph::Node> node, std::string filename);
Task<BlockStatus> block_status(std::shared_ptr<graph::Node> node, uint64_t offset, uint64_t length);
/// `run` becomes the bytes from `offset` on for which the answer holds.
Task<bool> is_allocated(std::shared_ptr<graph::Node> node, uint64_t offset, uint64_t length,
                        uint64_t& run);
Task<CheckResult> check(std::shared_ptr<graph::Node> node,
                        std::function<void(const CheckFinding&)> on_finding, Repair repair);

}  // namespace oxbow::api
