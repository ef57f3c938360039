// VHDX images: a table (BAT) with an entry of eight bytes for each block, and one for a bitmap
// after every chunk of blocks, which only images with a parent use. New blocks go to the end of the
// file, at a whole MiB.
#pragma once

#include <memory>

#include "format/blocks/block_image.h"
#include "format/vhdx/header.h"
#include "format/vhdx/metadata.h"

namespace oxbow::format::vhdx {

class VhdxImage final : public BlockImage {
 public:
  VhdxImage(std::unique_ptr<storage::Storage> file, const Header& header, Metadata metadata,
            bool replayed);

  [[nodiscard]] std::string name() const override { return "vhdx"; }
  [[nodiscard]] bool shows_places() const override { return false; }
  /// Refuses a table that names what is not in the file or belongs to something else.
  Task<> check_table();
  Task<CheckResult> check(FindingSink on_finding, Repair repair) override;

 private:
  Task<Block> find(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t block) override;
  Task<> link(uint64_t block, uint64_t host_offset) override;
  Task<> store() override { return store_entries(table_); }
  Task<> begin_writing() override;
  [[nodiscard]] size_t pending_pages() const override { return table_.changed_pages(); }
  [[nodiscard]] uint64_t entry_of(uint64_t block) const { return block + block / chunk_ratio_; }
  [[nodiscard]] Result<void> check_entry(uint64_t index, uint64_t entry) const;

  Header header_;
  Metadata metadata_;
  uint64_t chunk_ratio_;
  EntryTable table_;
  bool replayed_;  // the log, when it was opened
};

/// Takes over the file. A log that has to be replayed is, where the file can be written to; else
/// the image is refused. With `check_only` the table is left to check().
Task<std::unique_ptr<Format>> open_vhdx(std::unique_ptr<storage::Storage> file, bool check_only);

}  // namespace oxbow::format::vhdx
