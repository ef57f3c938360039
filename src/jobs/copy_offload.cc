#include "jobs/copy_offload.h"

#include <algorithm>

namespace oxbow::jobs {

bool can_take_offload(graph::Node& target) {
  return target.format().geometry().cluster_size == 0 && target.format().file().limits().can_copy;
}

Task<bool> copy_by_offload(SourceSet& sources, graph::Node& target, uint64_t offset,
                           uint64_t length) {
  for (const uint64_t end = offset + length; offset < end;) {
    CO_TRY_ASSIGN(const graph::NodeStatus from, co_await sources.status_at(offset, end - offset));
    const bool plain = from.kind == format::RunKind::data && from.has_host_offset &&
                       from.file != nullptr && from.file->limits().can_copy;
    if (!plain) co_return false;
    CO_TRY_ASSIGN(const format::WritePlan place,
                  co_await target.format().prepare_write(offset, from.length));
    const uint64_t step = std::min(from.length, place.length);
    const Result<void> copied = co_await target.format().copy_to_host(*from.file, from.host_offset,
                                                                      place.host_offset, step);
    if (!copied && copied.error().kind() == ErrorKind::unsupported) co_return false;
    if (!copied) co_return std::unexpected(copied.error());
    offset += step;
  }
  co_return true;
}

}  // namespace oxbow::jobs
