// Images of the first version of qcow, for reading: two levels of tables, clusters plain or
// compressed, a backing file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "format/format.h"

namespace oxbow::format::qcow {

struct Header {
  uint64_t disk_size = 0;  ///< bytes, whole sectors
  uint32_t cluster_bits = 0;
  uint32_t l2_bits = 0;
  uint64_t l1_offset = 0;
  bool encrypted = false;
  std::string backing_file;  ///< empty: none

  [[nodiscard]] uint64_t cluster_size() const { return uint64_t{1} << cluster_bits; }
};

class QcowImage final : public Format {
 public:
  /// Without `data_wanted` an encrypted image opens for a look at it.
  static Task<std::unique_ptr<Format>> open(std::unique_ptr<storage::Storage> file,
                                            bool data_wanted);

  [[nodiscard]] std::string name() const override { return "qcow"; }
  [[nodiscard]] Geometry geometry() const override {
    const auto cluster = static_cast<uint32_t>(header_.cluster_size());
    return {header_.disk_size, cluster, cluster};
  }
  [[nodiscard]] bool read_only() const override { return true; }
  [[nodiscard]] bool encrypted() const override { return header_.encrypted; }
  [[nodiscard]] storage::Source& file() override { return *file_; }
  [[nodiscard]] std::optional<BackingName> backing_name() const override;

  Task<Run> map(uint64_t offset, uint64_t length) override;
  Task<> read_host(Place at, IoSpan into) override { return file_->read(at.host, into); }
  Task<> read_compressed(uint64_t offset, IoSpan into) override;

  Task<WritePlan> prepare_write(uint64_t, uint64_t) override { return refuse<WritePlan>(); }
  Task<> write_host(Place, IoSpan) override { return refuse<void>(); }
  Task<> commit_write(WritePlan&) override { return refuse<void>(); }
  Task<> abort_write(WritePlan&) override { return refuse<void>(); }
  Task<uint64_t> zero_units(uint64_t, uint64_t, ZeroFlags) override { return refuse<uint64_t>(); }
  Task<> discard(uint64_t, uint64_t) override { return refuse<void>(); }
  Task<> resize(uint64_t, storage::Preallocation, bool) override {
    co_return fail(ErrorKind::unsupported, "Image format driver does not support resize", ENOTSUP);
  }
  Task<> flush() override { co_return {}; }
  Task<> close() override { return file_->close(); }

 private:
  using Table = std::shared_ptr<const std::vector<uint64_t>>;

  QcowImage(std::unique_ptr<storage::Storage> file, Header header)
      : file_(std::move(file)), header_(std::move(header)) {}

  template <class T>
  Task<T> refuse() {
    co_return fail(ErrorKind::read_only, "Block node is read-only", EPERM);
  }
  Task<uint64_t> entry(uint64_t cluster);
  Task<Table> table(uint64_t index);
  Task<std::shared_ptr<Buffer>> unpacked(uint64_t entry);

  std::unique_ptr<storage::Storage> file_;
  Header header_;
  std::map<uint64_t, Table> tables_;  // by their place in L1; null: there is none
  std::shared_ptr<Buffer> plain_;     // the cluster that was unpacked last, its entry
  uint64_t plain_entry_ = 0;
};

}  // namespace oxbow::format::qcow
