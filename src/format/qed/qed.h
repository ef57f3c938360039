// QED images: two levels of tables with entries of eight bytes, a cluster to
// each. QED was the stock tools' format for a short time and has been
// deprecated in favour of qcow2 since.
#pragma once

#include <memory>

#include "format/blocks/block_image.h"
#include "format/blocks/two_level_table.h"
#include "format/qed/check.h"
#include "format/qed/header.h"

namespace oxbow::format::qed {

class QedImage final : public BlockImage {
 public:
  QedImage(std::unique_ptr<storage::Storage> file, Header header);

  [[nodiscard]] std::string name() const override { return "qed"; }
  [[nodiscard]] std::optional<BackingName> backing_name() const override;
  Task<CheckResult> check(FindingSink on_finding, Repair repair) override;
  Task<> resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) override;
  Task<> commit_resize() override;
  Task<> abort_resize() override;

 private:
  Task<Block> find(uint64_t block) override;
  Task<> make_linkable(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t block) override;
  Task<> link(uint64_t block, uint64_t host_offset) override;
  [[nodiscard]] bool links_zeroes() const override { return true; }
  Task<> link_zeroes(uint64_t block) override { return tables_.set(block, entry_zero); }
  Task<> store() override { return tables_.store(); }
  Task<> begin_writing() override;
  Task<> end_writing() override;
  [[nodiscard]] size_t pending_pages() const override { return tables_.changed_pages(); }

  [[nodiscard]] uint64_t last_cluster_end() const;
  [[nodiscard]] Result<void> check_table_place(uint64_t offset) const;
  [[nodiscard]] std::unexpected<Error> bad_offset(const char* what, uint64_t offset) const;
  Task<uint64_t> make_room(uint64_t bytes);
  Task<> write_features(uint64_t features);

  Header header_;
  TwoLevelTable tables_;
  uint64_t size_before_ = 0;  // of a resize that is not complete
};

/// Takes over the file.
Task<std::unique_ptr<Format>> open_qed(std::unique_ptr<storage::Storage> file);

}  // namespace oxbow::format::qed
