// Parallels images: a table with an entry of four bytes for each cluster behind the header,
// clusters behind that. While one is written to, and until it is closed, its header says that it is
// in use.
#pragma once

#include <memory>

#include "format/blocks/block_image.h"
#include "format/parallels/header.h"

namespace oxbow::format::parallels {

class ParallelsImage final : public BlockImage {
 public:
  ParallelsImage(std::unique_ptr<storage::Storage> file, const Header& header);

  [[nodiscard]] std::string name() const override { return "parallels"; }
  [[nodiscard]] std::optional<bool> dirty() const override { return std::nullopt; }
  /// An image that was not closed is closed by a repair; entries that point outside the file are
  /// dropped; what nobody refers to at the end of the file is cut off (this for leaks alone, too).
  Task<CheckResult> check(FindingSink on_finding, Repair repair) override;

 private:
  /// What the table says of the file.
  struct Survey {
    uint64_t allocated = 0;
    uint64_t fragmented = 0;
    uint64_t end = 0;  // of the last cluster, or of the header and the table
  };

  Task<Block> find(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t block) override;
  Task<> link(uint64_t block, uint64_t host_offset) override;
  Task<> store() override { return store_entries(table_); }
  Task<> begin_writing() override;
  Task<> end_writing() override { return set_in_use(0); }
  [[nodiscard]] size_t pending_pages() const override { return table_.changed_pages(); }

  Task<> set_in_use(uint32_t mark);
  Task<Survey> survey();
  [[nodiscard]] uint64_t sectors_end() const;
  Task<> check_outside(CheckResult& result, const FindingSink& on_finding, bool fix);
  Task<> check_end(CheckResult& result, const FindingSink& on_finding, bool fix);

  Header header_;
  EntryTable table_;
  uint64_t end_of_data_ = 0;  // known once writing has begun
};

/// Takes over the file. Images with extensions can only be read: writing would make those lie.
Task<std::unique_ptr<Format>> open_parallels(std::unique_ptr<storage::Storage> file);

}  // namespace oxbow::format::parallels
