// A node seen as a byte store, so that any image can lie below a format or a storage driver: the
// children of quorum, a qcow2 image inside another. Closes the node's whole chain.
#pragma once

#include <memory>
#include <string>

#include "graph/node.h"
#include "storage/storage.h"

namespace oxbow::graph {

class NodeStorage final : public storage::Storage {
 public:
  /// `filename` as messages show it.
  NodeStorage(std::shared_ptr<Node> node, std::string filename)
      : node_(std::move(node)), filename_(std::move(filename)) {}

  [[nodiscard]] const std::string& filename() const override { return filename_; }
  [[nodiscard]] std::string driver() const override { return node_->driver(); }
  [[nodiscard]] bool read_only() const override { return node_->format().read_only(); }
  [[nodiscard]] uint64_t size() const override { return node_->virtual_size(); }
  [[nodiscard]] Result<uint64_t> allocated_bytes() const override {
    return node_->format().file().allocated_bytes();
  }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<storage::Status> status(uint64_t offset, uint64_t length) override;
  Task<> write(uint64_t offset, IoSpan from, storage::WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, storage::ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override { return node_->flush(); }
  Task<> truncate(uint64_t size,
                  storage::Preallocation preallocation = storage::Preallocation::off) override;
  Task<> close() override { return close_chain(std::move(node_)); }

  void event(std::string_view name) override { node_->format().file().event(name); }
  storage::FaultControl* fault_control() override { return node_->format().file().fault_control(); }

 private:
  Task<> reach(uint64_t end);

  std::shared_ptr<Node> node_;
  std::string filename_;
};

}  // namespace oxbow::graph
