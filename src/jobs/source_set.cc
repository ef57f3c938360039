#include "jobs/source_set.h"

#include <algorithm>

#include "base/bytes.h"
#include "jobs/same_file.h"

namespace oxbow::jobs {

using format::RunKind;
using graph::Node;
using graph::NodeStatus;

namespace {

SourceRun::Kind kind_of(const NodeStatus& status) {
  return status.zero ? SourceRun::Kind::zero : SourceRun::Kind::data;
}

}  // namespace

SourceSet::SourceSet(std::vector<std::shared_ptr<Node>> nodes) : nodes_(std::move(nodes)) {
  for (const auto& node : nodes_) {
    size_ += align_up(node->virtual_size(), sector);
    ends_.push_back(size_);
  }
}

SourceSet::Place SourceSet::place(uint64_t offset) const {
  const auto end = std::ranges::upper_bound(ends_, offset);
  const auto index = static_cast<size_t>(end - ends_.begin());
  const uint64_t begin = index == 0 ? 0 : ends_[index - 1];
  return {nodes_[index].get(), offset - begin, *end - offset};
}

Task<SourceRun> SourceSet::run_at(uint64_t offset, uint64_t length) {
  const Place where = place(offset);
  const uint64_t node_size = where.node->virtual_size();
  if (where.offset >= node_size) co_return SourceRun{where.length, SourceRun::Kind::zero, false};
  const uint64_t limit = std::min({length, where.length, node_size - where.offset});
  if (shared_below_ != 0) co_return co_await run_above_shared(*where.node, where.offset, limit);
  co_return co_await run_of_chain(*where.node, where.offset, limit);
}

Task<SourceRun> SourceSet::run_of_chain(Node& node, uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const NodeStatus status, co_await node.status(offset, length));
  co_return SourceRun{status.length, kind_of(status), status.kind == RunKind::compressed};
}

Task<SourceRun> SourceSet::run_above_shared(Node& node, uint64_t offset, uint64_t length) {
  Node* layer = &node;
  for (unsigned depth = 0; depth < shared_below_ && layer != nullptr; ++depth) {
    if (offset >= layer->virtual_size()) co_return SourceRun{length, SourceRun::Kind::zero, false};
    const uint64_t limit = std::min(length, layer->virtual_size() - offset);
    CO_TRY_ASSIGN(const NodeStatus status, co_await layer->status_here_in_file(offset, limit));
    length = status.length;
    if (status.kind != RunKind::hole || status.zero) {
      co_return SourceRun{length, kind_of(status), status.kind == RunKind::compressed};
    }
    layer = layer->backing().get();
  }
  // The deciding layer may be too short to say anything either.
  if (layer != nullptr && offset >= layer->virtual_size()) {
    co_return SourceRun{length, SourceRun::Kind::zero, false};
  }
  if (layer != nullptr) length = std::min(length, layer->virtual_size() - offset);
  co_return SourceRun{length, SourceRun::Kind::shared, false};
}

Task<NodeStatus> SourceSet::status_at(uint64_t offset, uint64_t length) {
  const Place where = place(offset);
  return where.node->status(where.offset, std::min(length, where.length));
}

Task<> SourceSet::read(uint64_t offset, std::span<std::byte> into) {
  const Place where = place(offset);
  const uint64_t node_size = where.node->virtual_size();
  const uint64_t stored = where.offset < node_size ? node_size - where.offset : 0;
  const size_t inside = std::min<uint64_t>(into.size(), stored);
  std::ranges::fill(into.subspan(inside), std::byte{0});
  if (inside == 0) co_return {};
  const iovec slice = io_slice(into.first(inside));
  co_return co_await where.node->read(where.offset, IoSpan(&slice, 1));
}

unsigned layers_above(Node& source, Node& shared) {
  const std::string& wanted = shared.format().file().filename();
  unsigned depth = 1;
  for (Node* layer = source.backing().get(); layer != nullptr; layer = layer->backing().get()) {
    if (same_file(layer->format().file().filename(), wanted)) return depth;
    ++depth;
  }
  return 1;
}

}  // namespace oxbow::jobs
