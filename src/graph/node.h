// A node: one format over its storage, with an optional backing node below. The one
// place that moves guest data: it asks the format where bytes live and does the I/O.
#pragma once

#include <oxbow/options.h>
#include <oxbow/throttle.h>

#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/buffer.h"
#include "base/io_vector.h"
#include "format/format.h"
#include "graph/packed.h"

namespace oxbow::graph {

using async::Task;

struct WriteFlags {
  bool fua = false;
};

struct ZeroFlags {
  bool may_unmap = false;
  bool no_fallback = false;
  bool fua = false;
};

/// What one layer or a chain says about a run of guest bytes.
struct NodeStatus {
  uint64_t length = 0;  ///< > 0
  format::RunKind kind = format::RunKind::hole;
  bool zero = false;   ///< reads as zeroes
  uint32_t depth = 0;  ///< layers down from the asked node
  bool has_host_offset = false;
  uint64_t host_offset = 0;
  storage::Source* file = nullptr;  ///< that host_offset lies in
  bool beyond_end = false;          ///< past the end of the deciding layer: zeroes
};

/// Belongs to one loop. Offsets and lengths are guest bytes and must lie inside
/// virtual_size(); the callers check. Several operations may be under way at once.
class Node {
 public:
  Node(std::unique_ptr<format::Format> format, std::shared_ptr<Node> backing);

  [[nodiscard]] format::Format& format() { return *format_; }
  [[nodiscard]] const std::shared_ptr<Node>& backing() const { return backing_; }
  /// The stock driver word: that of the outermost filter, or else of the format.
  [[nodiscard]] std::string driver() const { return filter_.empty() ? format_->name() : filter_; }
  /// A filter lies over the format, and is what the node shows itself as.
  void put_filter(std::string driver) { filter_ = std::move(driver); }
  [[nodiscard]] bool is_filtered() const { return !filter_.empty(); }
  /// Requests wait until the limits of `group` let them through, besides those of earlier groups.
  void add_throttle(std::shared_ptr<ThrottleGroup> group) {
    throttles_.push_back(std::move(group));
  }
  /// Another node with the same contents takes the backing node's place; nothing is under way.
  void replace_backing(std::shared_ptr<Node> same) { backing_ = std::move(same); }
  /// Writes of nothing but zero bytes become write_zeroes.
  void set_detect_zeroes(DetectZeroes how) { detect_zeroes_ = how; }
  /// What is read from the backing node is stored here, too, in whole clusters.
  void set_copy_on_read(bool wanted) { copy_on_read_ = wanted; }
  /// What is written where nothing was is compressed, in whole units: parts are filled up with what
  /// those read as.
  void set_compress(bool wanted) { compress_ = wanted; }
  [[nodiscard]] bool compresses() const { return compress_ && format_->compressed_unit() != 0; }
  /// How hard is tried, see Format::compress(); 0: as usual.
  void set_compression_level(int level) { level_ = level; }
  [[nodiscard]] uint64_t virtual_size() const { return format_->geometry().virtual_size; }

  Task<> read(uint64_t offset, IoSpan into);
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {});
  /// Stores whole units compressed, or plainly where that takes no less. Errors: invalid_argument
  /// (EINVAL) where they are not whole; exists (EIO) where one holds data already, and those before
  /// it are written; unsupported.
  Task<> write_compressed(uint64_t offset, IoSpan from);
  /// The same in two steps. `bytes` stay in place until the second is done; that says how many
  /// bytes it has written, also where it fails.
  Task<Packed> pack(uint64_t offset, std::span<const std::byte> bytes);
  Task<> write_packed(const Packed& packed, uint64_t& written);
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {});
  Task<> discard(uint64_t offset, uint64_t length);
  Task<> flush();
  /// Of the VM state, which a format may keep besides the disk; what was never written is zeroes.
  Task<> read_vm_state(uint64_t offset, IoSpan into);
  Task<> write_vm_state(uint64_t offset, IoSpan from);
  Task<> resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink);

  /// This layer only: data, zero, hole or compressed.
  Task<NodeStatus> status_here(uint64_t offset, uint64_t length);
  /// The same, and clusters that the file says are holes from end to end read as zeroes.
  Task<NodeStatus> status_here_in_file(uint64_t offset, uint64_t length);
  /// The chain's answer: which layer decides, and how.
  Task<NodeStatus> status(uint64_t offset, uint64_t length);

  /// Closes this node's format; the backing node stays for who else holds it.
  Task<> close();

 private:
  Task<> admit(bool is_write, uint64_t length);
  Task<> read_admitted(uint64_t offset, IoSpan into);
  Task<> read_unlocked(uint64_t offset, IoSpan into);
  Task<> read_run(const format::Run& run, uint64_t offset, IoSpan into);
  Task<> read_zeroes(IoSpan into);
  Task<> read_backing(uint64_t offset, IoSpan into);
  Task<> read_clipped(uint64_t offset, std::span<std::byte> into);
  Task<> read_own(uint64_t offset, IoSpan into);
  Task<NodeStatus> status_in_chain(uint64_t offset, uint64_t length);
  Task<> look_into_file(NodeStatus& found);
  Task<> populate(uint64_t offset, uint64_t length);
  Task<> populate_hole(uint64_t begin, uint64_t end);
  Task<bool> populate_zeroes(uint64_t begin, uint64_t end);
  [[nodiscard]] format::ChangeTracker* tracker(uint64_t length) const {
    return length != 0 ? changes_ : nullptr;
  }
  [[nodiscard]] bool must_be_marked(uint64_t offset, uint64_t length) {
    return tracker(length) != nullptr && !changes_->note(offset, length);
  }
  Task<> zero_unmarked(uint64_t offset, uint64_t length, ZeroFlags flags);
  Task<> zero_new_bytes(uint64_t old_size, storage::Preallocation preallocation);
  Task<> zero(uint64_t offset, uint64_t length, ZeroFlags flags);
  Task<> write_data(uint64_t offset, IoSpan from);
  [[nodiscard]] Result<void> may_compress(uint64_t offset, uint64_t length) const;
  Task<async::RangeLock::Guard> hold_units(uint64_t offset, uint64_t length);
  Task<> write_where_compressed(uint64_t offset, IoSpan from);
  Task<> write_filled_up(uint64_t offset, IoSpan from);
  Task<> write_units(const Packed& packed, size_t begin, size_t end, uint64_t& written);
  Task<size_t> store_neighbours(const Packed& packed, size_t begin,
                                std::span<const format::WritePlan> plans, size_t first);
  Task<> write_planned(const format::WritePlan& plan, IoSpan from);
  Task<> write_with_surroundings(const format::WritePlan& plan, IoSpan from);
  Task<uint64_t> zero_by_bytes(uint64_t offset, uint64_t length, ZeroFlags flags);
  Task<bool> zero_whole_unit(uint64_t begin, uint64_t end, uint64_t offset, uint64_t length,
                             ZeroFlags flags);
  Task<> write_zero_bytes(uint64_t offset, uint64_t length);
  Task<bool> reads_zero(uint64_t begin, uint64_t end);

  std::unique_ptr<format::Format> format_;
  std::shared_ptr<Node> backing_;
  format::ChangeTracker* changes_;
  std::string filter_;
  std::vector<std::shared_ptr<ThrottleGroup>> throttles_;
  DetectZeroes detect_zeroes_ = DetectZeroes::off;
  bool copy_on_read_ = false;
  bool compress_ = false;
  async::RangeLock whole_units_;  // what is filled up must not change meanwhile
  int level_ = 0;
};

/// Closes a chain from the top down; every file is closed whatever the others say, and the
/// first error is told.
Task<> close_chain(std::shared_ptr<Node> node);

}  // namespace oxbow::graph
