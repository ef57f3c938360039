// What image formats have in common that keep a disk in blocks of one size,
// each named by an entry of a table or lying nowhere: reading, writing in
// place, and writing into new blocks. A format derived from it says where a
// block is, makes room for one, and links it.
//
// A new block is linked in memory when its data is written, and on disk by
// store(), behind a barrier: a crash leaves room that nothing refers to, never
// a link to what was not written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/sync.h"
#include "format/blocks/entry_table.h"
#include "format/format.h"

namespace oxbow::format {

class BlockImage : public Format {
 public:
  [[nodiscard]] Geometry geometry() const override { return {size_, block_size_, block_size_}; }
  [[nodiscard]] bool read_only() const override { return file_->read_only(); }
  [[nodiscard]] storage::Source& file() final { return *file_; }
  void set_has_backing(bool has_backing) final { has_backing_ = has_backing; }

  Task<Run> map(uint64_t offset, uint64_t length) override;
  async::RangeLock* guest_locks() final { return &guest_locks_; }
  Task<> read_host(Place at, IoSpan into) override { return file_->read(at.host, into); }
  Task<> read_compressed(uint64_t offset, IoSpan into) override;
  Task<WritePlan> prepare_write(uint64_t offset, uint64_t length) final;
  Task<WritePlan> prepare_compressed(uint64_t offset, uint64_t length, uint64_t packed) final;
  Task<> write_host(Place at, IoSpan from) override { return file_->write(at.host, from); }
  Task<> write_compressed(uint64_t host_offset, IoSpan from) final {
    return file_->write(host_offset, from);
  }
  Task<> copy_to_host(storage::Source& from, uint64_t from_offset, uint64_t host_offset,
                      uint64_t length) override {
    return file_->copy_from(from, from_offset, host_offset, length);
  }
  Task<> commit_write(WritePlan& plan) final;
  Task<> abort_write(WritePlan& plan) final;
  /// Blocks without a place, of formats that link zeroes; all else is written as bytes.
  Task<uint64_t> zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) final;
  Task<> discard(uint64_t, uint64_t) override { co_return {}; }
  Task<> flush() final;
  Task<> resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) override;
  Task<> close() final;

 protected:
  struct Block {
    RunKind kind = RunKind::hole;
    uint64_t host_offset = 0;  ///< of the block's first byte, for data
  };

  BlockImage(std::unique_ptr<storage::Storage> file, uint64_t size, uint32_t block_size)
      : file_(std::move(file)), size_(size), block_size_(block_size) {}

  virtual Task<Block> find(uint64_t block) = 0;
  /// Makes what link() will change, where it is not there. Not called while
  /// this or allocate() is under way.
  virtual Task<> make_linkable(uint64_t /*block*/) { co_return {}; }
  /// Room for a block, which reads as zeroes. Not called while another call is
  /// under way.
  virtual Task<uint64_t> allocate(uint64_t block) = 0;
  /// The block's data is written at `host_offset`, in memory as far as this is
  /// concerned.
  virtual Task<> link(uint64_t block, uint64_t host_offset) = 0;
  /// The same of blocks that became `packed` bytes, for formats with a
  /// compressed_unit().
  virtual Task<uint64_t> allocate_packed(uint64_t packed);
  virtual Task<> link_packed(uint64_t block, uint64_t host_offset, uint64_t packed);
  /// What links there are go to the disk, after what they point at; a flush at
  /// the end. Not called while another call is under way.
  virtual Task<> store() = 0;
  /// Before the first write of a session changes anything.
  virtual Task<> begin_writing() { co_return {}; }
  /// After the last store(), of images open for writing.
  virtual Task<> end_writing() { co_return {}; }

  /// Whether a link may say that a block reads as zeroes: link_zeroes().
  [[nodiscard]] virtual bool links_zeroes() const { return false; }
  virtual Task<> link_zeroes(uint64_t block);
  /// What can be written at least, bytes: encrypted sectors. Zeroes in the file
  /// are none to the guest then.
  [[nodiscard]] virtual uint32_t write_unit() const { return 1; }
  /// A block that is there must be made ready before it is written to in place.
  [[nodiscard]] virtual bool wants_block_ready(uint64_t /*block*/) const { return false; }
  /// Not called while another call is under way.
  virtual Task<> make_block_ready(uint64_t /*block*/, uint64_t /*host_offset*/) { co_return {}; }
  /// Links that are in memory only, in pages of their table: some cause a
  /// store().
  [[nodiscard]] virtual size_t pending_pages() const { return 0; }
  /// store() of a format that has one table: flush, before_entries(), the
  /// entries, flush.
  Task<> store_entries(EntryTable& table);
  /// What must be on disk before entries are, besides data.
  virtual Task<> before_entries() { co_return {}; }

  /// The file reads as zeroes there, and covers it.
  Task<> clear_room(uint64_t host_offset, uint64_t length);
  [[nodiscard]] storage::Storage& storage() { return *file_; }
  void set_size(uint64_t size) { size_ = size; }
  /// Room that was given back is no longer there.
  void forget_rooms() { given_back_.clear(); }
  [[nodiscard]] uint64_t file_size() const { return file_->size(); }
  [[nodiscard]] const std::string& filename() const { return file_->filename(); }
  [[nodiscard]] uint32_t block_size() const { return block_size_; }

 private:
  Task<bool> zero_block(uint64_t block);
  Task<WritePlan> plan_in_place(uint64_t offset, uint64_t length);
  Task<WritePlan> plan_new_block(uint64_t offset, uint64_t length);
  Task<> ensure_begun();
  Task<> ensure_ready(uint64_t block, uint64_t host_offset);
  [[nodiscard]] uint64_t block_start(uint64_t offset) const;
  [[nodiscard]] uint64_t rest_of_block(uint64_t offset, uint64_t length) const;

  std::unique_ptr<storage::Storage> file_;
  uint64_t size_;
  uint32_t block_size_;
  bool has_backing_ = false;
  bool begun_ = false;
  async::RangeLock guest_locks_;
  async::Mutex allocating_;
  async::Mutex storing_;
  std::vector<uint64_t> given_back_;  // room of writes that failed
};

}  // namespace oxbow::format
