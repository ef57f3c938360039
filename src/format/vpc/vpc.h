// VHD images (stock calls them vpc). A fixed one is the disk with a footer behind it. A dynamic one
// has a table of sector numbers, an entry of four bytes for each block; a block is a bitmap of its
// sectors, in whole sectors, and its data. As the stock tools do, reads take no notice of the
// bitmaps, and a block that is written to gets one that is all ones.
#pragma once

#include <memory>

#include "base/sparse_bits.h"
#include "format/blocks/block_image.h"
#include "format/vpc/footer.h"

namespace oxbow::format::vpc {

class DynamicVpc final : public BlockImage {
 public:
  DynamicVpc(std::unique_ptr<storage::Storage> file, const VpcHeader& header);

  [[nodiscard]] std::string name() const override { return "vpc"; }
  /// Finds where the next block goes; refuses a file that ends before what its table names.
  Task<> start();

 private:
  Task<Block> find(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t block) override;
  Task<> link(uint64_t block, uint64_t host_offset) override;
  Task<> store() override { return store_entries(table_); }
  [[nodiscard]] size_t pending_pages() const override { return table_.changed_pages(); }
  [[nodiscard]] bool wants_block_ready(uint64_t block) const override {
    return !full_bitmaps_.test(block);
  }
  Task<> make_block_ready(uint64_t block, uint64_t host_offset) override;
  Task<> write_bitmap(uint64_t offset);

  VpcHeader header_;
  uint64_t bitmap_bytes_;  // before each block's data
  EntryTable table_;
  uint64_t end_of_blocks_ = 0;  // where the footer is, and the next block goes
  SparseBits full_bitmaps_;     // blocks whose bitmap is known to be all ones
};

class FixedVpc final : public BlockImage {
 public:
  FixedVpc(std::unique_ptr<storage::Storage> file, uint64_t size)
      : BlockImage(std::move(file), size, stretch) {}

  [[nodiscard]] std::string name() const override { return "vpc"; }
  [[nodiscard]] format::Geometry geometry() const override {
    return {BlockImage::geometry().virtual_size, 0, 0};
  }
  Task<bool> data_may_be_holes() override { co_return true; }

 private:
  static constexpr uint32_t stretch = 1 << 30;

  Task<Block> find(uint64_t block) override { co_return Block{RunKind::data, block * stretch}; }
  Task<uint64_t> allocate(uint64_t) override {
    co_return fail(ErrorKind::internal, "fixed VHD images have all their blocks");
  }
  Task<> link(uint64_t, uint64_t) override { co_return {}; }
  Task<> store() override { return storage().flush(); }
};

Task<std::unique_ptr<Format>> open_vpc(std::unique_ptr<storage::Storage> file, SizeRule rule);

}  // namespace oxbow::format::vpc
