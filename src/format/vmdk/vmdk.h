// VMware's disk images: one sparse file, or a text that names the files in which the disk lies,
// one behind another.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "format/format.h"
#include "format/vmdk/descriptor.h"
#include "format/vmdk/grain_tables.h"
#include "format/vmdk/header.h"

namespace oxbow::format::vmdk {

using OpenBeside = std::function<Task<std::unique_ptr<storage::Storage>>(std::string name)>;

/// A stretch of the disk in one file.
struct Extent {
  uint64_t start = 0;  ///< guest bytes
  uint64_t end = 0;
  std::string type;                       ///< as the text names it; empty: the image's own file
  std::unique_ptr<storage::Storage> own;  ///< nullptr: it lies in the image's own file
  storage::Storage* file = nullptr;
  uint64_t offset = 0;                  ///< bytes, of the first guest byte of flat ones
  std::optional<SparseHeader> sparse;   ///< nothing: flat
  std::unique_ptr<GrainTables> tables;  ///< of sparse ones
  uint64_t next_grain = 0;              ///< byte where the next new grain goes
};

class VmdkImage final : public Format {
 public:
  static Task<std::unique_ptr<Format>> open(std::unique_ptr<storage::Storage> file, bool writable,
                                            OpenBeside open_beside);

  [[nodiscard]] const Descriptor& descriptor() const { return descriptor_; }
  [[nodiscard]] const std::vector<Extent>& extents() const { return extents_; }

  [[nodiscard]] std::string name() const override { return "vmdk"; }
  [[nodiscard]] Geometry geometry() const override;
  [[nodiscard]] bool read_only() const override { return file_->read_only(); }
  [[nodiscard]] storage::Source& file() override { return *file_; }
  [[nodiscard]] Result<uint64_t> allocated_bytes() override;
  [[nodiscard]] std::optional<BackingName> backing_name() const override;
  void note_backing(const Format& backing) override;
  async::RangeLock* guest_locks() override { return &guest_locks_; }

  Task<Run> map(uint64_t offset, uint64_t length) override;
  Task<Run> map_for_read(uint64_t offset, uint64_t length) override;
  Task<bool> data_may_be_holes() override;
  Task<> read_host(Place at, IoSpan into) override;
  Task<> read_compressed(uint64_t offset, IoSpan into) override;

  /// Grains are packed as the image's kind has it, whoever asks: compress() leaves it to
  /// write_host.
  [[nodiscard]] uint32_t compressed_unit() const override {
    return static_cast<uint32_t>(common_grain());
  }
  Task<WritePlan> prepare_write(uint64_t offset, uint64_t length) override;
  Task<> write_host(Place at, IoSpan from) override;
  Task<> commit_write(WritePlan& plan) override;
  Task<> abort_write(WritePlan& plan) override;
  Task<uint64_t> zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) override;
  /// Nothing: grains are not given back.
  Task<> discard(uint64_t, uint64_t) override { co_return {}; }
  Task<> flush() override;
  Task<CheckResult> check(FindingSink on_finding, Repair repair) override;
  Task<> resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) override;
  Task<> close() override;

 private:
  explicit VmdkImage(std::unique_ptr<storage::Storage> file) : file_(std::move(file)) {}

  Task<> load(bool writable, OpenBeside open_beside);
  Task<std::string> read_text(uint64_t offset, uint64_t length);
  Task<> add_sparse(Extent extent, uint64_t capacity);
  Task<> add_named(const ExtentLine& line, OpenBeside& open_beside);
  Task<> close_extents();

  Extent& extent_at(uint64_t offset);
  Task<Run> map_sparse(Extent& extent, uint64_t offset, uint64_t length);
  Task<std::shared_ptr<Buffer>> unpacked(Extent& extent, uint64_t grain);

  Task<> renew_cid();
  Task<WritePlan> plan_sparse(Extent& extent, uint64_t offset, uint64_t length);
  Task<> write_packed(Extent& extent, uint64_t guest, IoSpan from);
  [[nodiscard]] uint64_t common_grain() const;

  std::unique_ptr<storage::Storage> file_;
  Descriptor descriptor_;
  uint64_t text_offset_ = 0;  // of the descriptor in the file
  CidPlace cid_place_;
  std::vector<Extent> extents_;
  uint64_t virtual_size_ = 0;
  bool parent_changed_ = false;  // what lies below is not what this image was made on
  bool cid_renewed_ = false;
  async::Mutex cid_lock_;
  async::RangeLock guest_locks_;
  std::map<uint64_t, uint32_t> packed_places_;  // sectors of written grains that are not linked yet

  std::shared_ptr<Buffer> plain_;  // the grain that was unpacked last, and where it lies
  const Extent* plain_extent_ = nullptr;
  uint32_t plain_sector_ = 0;
};

}  // namespace oxbow::format::vmdk
