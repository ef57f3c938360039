#include "jobs/measure_job.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::jobs {

async::Task<uint64_t> measure_data(std::shared_ptr<graph::Node> node, uint64_t cluster_size) {
  const uint64_t size = node->virtual_size();
  uint64_t bytes = 0;
  uint64_t counted_to = 0;
  for (uint64_t offset = 0; offset < size;) {
    CO_TRY_ASSIGN(const graph::NodeStatus found, co_await node->status(offset, size - offset));
    const uint64_t begin = std::max(counted_to, align_down(offset, cluster_size));
    offset += found.length;
    if (found.zero) continue;
    counted_to = align_up(offset, cluster_size);
    bytes += counted_to - begin;
    offset = std::min(counted_to, size);
  }
  co_return bytes;
}

}  // namespace oxbow::jobs
