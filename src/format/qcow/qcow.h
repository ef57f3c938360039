// Images of the first version of qcow: two levels of tables, clusters plain or
// compressed, all of them encrypted or none, a backing file.
#pragma once

#include <memory>
#include <optional>

#include "base/buffer.h"
#include "format/blocks/block_image.h"
#include "format/blocks/two_level_table.h"
#include "format/encrypted_data.h"
#include "format/qcow/header.h"

namespace oxbow::format::qcow {

class QcowImage final : public BlockImage {
 public:
  /// `encrypted`: what holds the key of an encrypted image; nullptr where there
  /// is none, or only the metadata will be looked at.
  QcowImage(std::unique_ptr<storage::Storage> file, Header header,
            std::unique_ptr<EncryptedData> encrypted);

  [[nodiscard]] std::string name() const override { return "qcow"; }
  [[nodiscard]] bool encrypted() const override { return header_.encrypted; }
  [[nodiscard]] std::optional<BackingName> backing_name() const override;

  Task<Run> map(uint64_t offset, uint64_t length) override;
  Task<> read_host(Place at, IoSpan into) override;
  Task<> read_compressed(uint64_t offset, IoSpan into) override;
  Task<> write_host(Place at, IoSpan from) override;
  Task<> copy_to_host(storage::Source& from, uint64_t from_offset, uint64_t host_offset,
                      uint64_t length) override;
  [[nodiscard]] uint32_t compressed_unit() const override {
    return header_.encrypted ? 0 : block_size();
  }
  Result<size_t> compress(std::span<const std::byte> plain, std::span<std::byte> packed,
                          int level) const override;
  Task<> make_empty() override;

 private:
  static constexpr uint64_t compressed_bit = uint64_t{1} << 63;

  Task<Block> find(uint64_t block) override;
  Task<> make_linkable(uint64_t block) override;
  Task<uint64_t> allocate(uint64_t) override { return make_room(header_.cluster_size()); }
  Task<> link(uint64_t block, uint64_t host_offset) override;
  Task<uint64_t> allocate_packed(uint64_t packed) override;
  Task<> link_packed(uint64_t block, uint64_t host_offset, uint64_t packed) override;
  Task<> store() override { return tables_.store(); }
  [[nodiscard]] size_t pending_pages() const override { return tables_.changed_pages(); }
  [[nodiscard]] uint32_t write_unit() const override { return header_.encrypted ? sector : 1; }

  [[nodiscard]] uint64_t end_of_header() const;
  [[nodiscard]] bool is_metadata(uint64_t offset, uint64_t length) const;
  [[nodiscard]] Result<void> check_table_place(uint64_t offset) const;
  [[nodiscard]] uint32_t packed_offset_bits() const { return 63 - header_.cluster_bits; }
  Task<uint64_t> make_room(uint64_t bytes);
  Task<> write_piece(uint64_t offset, std::span<const std::byte> piece);
  Task<std::shared_ptr<Buffer>> unpacked(uint64_t entry);

  Header header_;
  std::unique_ptr<EncryptedData> encrypted_;
  TwoLevelTable tables_;
  std::shared_ptr<Buffer> plain_;  // the cluster that was unpacked last, its entry
  uint64_t plain_entry_ = 0;
};

}  // namespace oxbow::format::qcow
