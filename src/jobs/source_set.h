// The sources of a copy, laid end to end as one run of guest bytes: what they hold where,
// and reading from them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::jobs {

using async::Task;

/// A run of source bytes that the copy treats alike.
struct SourceRun {
  enum class Kind : uint8_t {
    data,    ///< must be read
    zero,    ///< reads as zeroes
    shared,  ///< the layers above the shared backing file say nothing
  };
  uint64_t length = 0;  ///< bytes; > 0; never passes the end of one source
  Kind kind = Kind::data;
  bool compressed = false;
};

class SourceSet {
 public:
  /// Stores are measured in sectors: a source ends at a multiple of this, padded with zeroes.
  static constexpr uint64_t sector = 512;

  explicit SourceSet(std::vector<std::shared_ptr<graph::Node>> nodes);

  [[nodiscard]] uint64_t size() const { return size_; }  ///< bytes in all

  /// From now on bytes that only layers from `layers` down decide are `shared`; 0: none are.
  void share_below(unsigned layers) { shared_below_ = layers; }

  /// What is at `offset` < size(), for at most `length` bytes.
  Task<SourceRun> run_at(uint64_t offset, uint64_t length);
  /// Where exactly the bytes at `offset` are stored; inside one source and its size.
  Task<graph::NodeStatus> status_at(uint64_t offset, uint64_t length);
  /// Reads inside one source.
  Task<> read(uint64_t offset, std::span<std::byte> into);

  [[nodiscard]] const std::vector<std::shared_ptr<graph::Node>>& nodes() const { return nodes_; }

 private:
  struct Place {
    graph::Node* node;
    uint64_t offset;  ///< in the node
    uint64_t length;  ///< to the end of the source, padding included
  };
  [[nodiscard]] Place place(uint64_t offset) const;
  Task<SourceRun> run_of_chain(graph::Node& node, uint64_t offset, uint64_t length);
  Task<SourceRun> run_above_shared(graph::Node& node, uint64_t offset, uint64_t length);

  std::vector<std::shared_ptr<graph::Node>> nodes_;
  std::vector<uint64_t> ends_;
  uint64_t size_ = 0;
  unsigned shared_below_ = 0;
};

/// How many layers of `source` lie above the one that is `shared`'s file too; 1 where none is.
unsigned layers_above(graph::Node& source, graph::Node& shared);

}  // namespace oxbow::jobs
