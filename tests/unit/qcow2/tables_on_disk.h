// An image's tables as its file has them, for asking the guard without an open image.
#pragma once

#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/metadata_scan.h"

namespace oxbow::testing {

class TablesOnDisk final : public format::qcow2::TablesInMemory {
 public:
  async::Task<> load(storage::Source& file, const format::qcow2::Header& header) {
    l1_.resize(header.l1_size);
    blocks_.resize(uint64_t{header.refcount_table_clusters} * header.cluster_size() / 8);
    CO_TRY(co_await read_table(file, header.l1_table_offset, l1_));
    co_return co_await read_table(file, header.refcount_table_offset, blocks_);
  }
  [[nodiscard]] std::span<const uint64_t> l1_entries() const override { return l1_; }
  [[nodiscard]] std::span<const uint64_t> refcount_blocks() const override { return blocks_; }

 private:
  static async::Task<> read_table(storage::Source& file, uint64_t offset,
                                  std::vector<uint64_t>& table) {
    if (table.empty()) co_return {};
    CO_TRY(
        co_await format::qcow2::read_bytes(file, offset, std::as_writable_bytes(std::span(table))));
    for (uint64_t& entry : table) entry = load_be<uint64_t>(&entry);
    co_return {};
  }

  std::vector<uint64_t> l1_;
  std::vector<uint64_t> blocks_;
};

}  // namespace oxbow::testing
