// A node: one format over its storage, with an optional backing node below. The one
// place that moves guest data: it asks the format where bytes live and does the I/O.
#pragma once

#include <oxbow/options.h>

#include <memory>
#include <string>

#include "async/task.h"
#include "base/buffer.h"
#include "base/io_vector.h"
#include "format/format.h"

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
  /// Another node with the same contents takes the backing node's place; nothing is under way.
  void replace_backing(std::shared_ptr<Node> same) { backing_ = std::move(same); }
  /// Writes of nothing but zero bytes become write_zeroes.
  void set_detect_zeroes(DetectZeroes how) { detect_zeroes_ = how; }
  /// What is read from the backing node is stored here, too, in whole clusters.
  void set_copy_on_read(bool wanted) { copy_on_read_ = wanted; }
  [[nodiscard]] uint64_t virtual_size() const { return format_->geometry().virtual_size; }

  Task<> read(uint64_t offset, IoSpan into);
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {});
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
  Task<> write_data(uint64_t offset, IoSpan from);
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
  DetectZeroes detect_zeroes_ = DetectZeroes::off;
  bool copy_on_read_ = false;
};

}  // namespace oxbow::graph
