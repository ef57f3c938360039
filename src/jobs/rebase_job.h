// Rebasing: what an image takes from its backing file, and another one does not hold, is written
// into the image, so that it can stand on the other. Driven by block status: what both say is
// zero, or is in the same place of the same file, is not read.
#pragma once

#include <oxbow/jobs.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "async/task_group.h"
#include "base/bytes.h"
#include "graph/node.h"
#include "jobs/buffer_pool.h"
#include "jobs/turns.h"

namespace oxbow::jobs {

using async::Task;

/// Runs once, on the loop of its nodes. Memory: two buffers of 2 MiB for each request under way.
class RebaseJob {
 public:
  /// `image` is open for writing with its present backing node, if it has one. `below`: the new
  /// one; nullptr: none.
  RebaseJob(std::shared_ptr<graph::Node> image, std::shared_ptr<graph::Node> below,
            RebaseOptions options);

  /// What was written is on disk when this ends. Error messages are the stock tool's; the hint is
  /// the layer's own.
  Task<> run();
  /// Instead: the first place that run() would write to, at or before the byte that makes it so.
  Task<std::optional<uint64_t>> first_difference();

 private:
  /// A hole of the image inside one window, as the two backing nodes see it.
  struct Piece {
    uint64_t offset = 0;
    uint64_t length = 0;
    bool old_zero = false;
    bool new_zero = false;
  };
  /// Neighbours, done by one task.
  struct Item {
    std::vector<Piece> pieces;
    uint64_t end = 0;

    /// Guest offset of the buffers' first bytes: memory and file are aligned alike.
    [[nodiscard]] uint64_t buffer_base() const { return align_down(pieces.front().offset, 4096); }
  };
  /// Guest bytes that are written alike.
  struct Difference {
    uint64_t offset = 0;
    uint64_t length = 0;
    bool zeroes = false;
  };
  struct Seen {
    uint64_t length = 0;
    bool zero = true;
    graph::NodeStatus status;
    graph::Node* decided_by = nullptr;
  };

  Task<> start_items(async::TaskGroup& group);
  Task<Item> item_at(uint64_t offset);
  Task<Piece> piece_at(uint64_t offset, uint64_t length);
  Task<Seen> look(graph::Node* node, uint64_t offset, uint64_t length);
  bool same_bytes(const Seen& one, const Seen& other);
  Task<> do_item(Item item, uint64_t number);
  Task<> read_and_write(const Item& item, uint64_t number);
  /// Leaves the old bytes in the first half of `buffer`, the item's first page at its start.
  Task<std::vector<Difference>> differences(const Item& item, std::span<std::byte> buffer);
  Task<> read(graph::Node* node, const char* which, uint64_t offset, std::span<std::byte> into);
  void compare(const Piece& piece, std::span<const std::byte> old_bytes,
               std::span<const std::byte> new_bytes, std::vector<Difference>& found) const;
  Task<> write(const Difference& difference, std::span<const std::byte> bytes);
  Task<> fill_holes(const Difference& difference, std::span<const std::byte> zeroes);
  void announce_bulk(bool on);

  std::shared_ptr<graph::Node> image_;
  graph::Node* old_;
  std::shared_ptr<graph::Node> new_;
  RebaseOptions options_;
  uint64_t unit_;
  BufferPool buffers_;
  Turns turns_{true};
  uint64_t done_ = 0;
  std::map<std::pair<storage::Source*, storage::Source*>, bool> same_files_;
};

}  // namespace oxbow::jobs
