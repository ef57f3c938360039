// QED images, to be read: two levels of tables with entries of eight bytes. QED was the stock
// tools' format for a short time and has been deprecated in favour of qcow2 since; what is left of
// it is to be converted, so nothing here writes.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "format/blocks/block_image.h"
#include "format/qed/header.h"

namespace oxbow::format::qed {

class QedImage final : public BlockImage {
 public:
  QedImage(std::unique_ptr<storage::Storage> file, Header header);

  [[nodiscard]] std::string name() const override { return "qed"; }
  [[nodiscard]] bool read_only() const override { return true; }
  [[nodiscard]] std::optional<BackingName> backing_name() const override;
  Task<CheckResult> check(FindingSink on_finding, Repair repair) override;

 private:
  using Table = std::shared_ptr<EntryTable>;

  Task<Block> find(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t block) override;
  Task<> link(uint64_t, uint64_t) override { co_return {}; }
  Task<> store() override { co_return {}; }

  [[nodiscard]] uint64_t last_cluster_end() const;
  [[nodiscard]] std::unexpected<Error> bad_offset(const char* what, uint64_t offset) const;
  Table l2_table(uint64_t offset);

  Header header_;
  EntryTable l1_;
  std::deque<std::pair<uint64_t, Table>> recent_;  // L2 tables by offset
};

/// Takes over the file. Refused for writing.
Task<std::unique_ptr<Format>> open_qed(std::unique_ptr<storage::Storage> file);

}  // namespace oxbow::format::qed
