// VDI images: a map in one piece, an entry of four bytes for each block of 1 MiB; the data of
// block N of the file begins at data_offset + N MiB.
//
// The header counts the blocks that are allocated, and the next one goes behind them: the count is
// on disk before an entry that names a new block.
#pragma once

#include <memory>

#include "format/blocks/block_image.h"
#include "format/vdi/header.h"

namespace oxbow::format::vdi {

class VdiImage final : public BlockImage {
 public:
  VdiImage(std::unique_ptr<storage::Storage> file, const Header& header);

  [[nodiscard]] std::string name() const override { return "vdi"; }
  /// A static image lies in a file that may have holes.
  Task<bool> data_may_be_holes() override;
  Task<CheckResult> check(FindingSink on_finding, Repair repair) override;

 private:
  Task<Block> find(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t block) override;
  Task<> link(uint64_t block, uint64_t host_offset) override;
  Task<> store() override { return store_entries(table_); }
  Task<> before_entries() override;
  Task<> begin_writing() override;
  [[nodiscard]] size_t pending_pages() const override { return table_.changed_pages(); }

  Header header_;
  EntryTable table_;
  uint64_t next_block_ = 0;  // of the file; known once writing has begun
};

/// Takes over the file. Images that differ from another one are refused, as stock does.
Task<std::unique_ptr<Format>> open_vdi(std::unique_ptr<storage::Storage> file);

}  // namespace oxbow::format::vdi
