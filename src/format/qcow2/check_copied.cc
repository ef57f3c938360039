#include "format/qcow2/check_copied.h"

#include "format/qcow2/check_references.h"
#include "format/qcow2/table_window.h"

namespace oxbow::format::qcow2 {
namespace {

class CopiedChecker {
 public:
  CopiedChecker(storage::Source& file, const Header& header, RefcountReader& refcounts,
                CheckReport& report)
      : file_(file),
        header_(header),
        refcounts_(refcounts),
        report_(report),
        window_(file, header.cluster_size()) {}

  Task<> check() {
    for (uint64_t first = 0; first < header_.l1_size; first += l1_piece) {
      const uint64_t count = std::min<uint64_t>(l1_piece, header_.l1_size - first);
      CO_TRY_ASSIGN(const std::vector<uint64_t> l1,
                    co_await read_l1_piece(file_, header_.l1_table_offset, first, count));
      CO_TRY(co_await check_l1(l1, first));
    }
    co_return {};
  }

 private:
  Task<> check_l1(std::span<const uint64_t> l1, uint64_t first) {
    for (size_t i = 0; i < l1.size(); ++i) {
      const uint64_t table = l1[i] & l1_offset_mask;
      if (table == 0) continue;
      CO_TRY_ASSIGN(const uint64_t refcount,
                    co_await refcounts_.get(table >> header_.cluster_bits));
      if ((refcount == 1) != ((l1[i] & copied_flag) != 0)) {
        report_.corruption("ERROR OFLAG_COPIED L2 cluster: l1_index=" + std::to_string(first + i) +
                           " l1_entry=" + bare_hex(l1[i]) +
                           " refcount=" + std::to_string(refcount));
      }
      const uint64_t in_a_row =
          tables_in_a_row(l1.subspan(i), header_.cluster_size(), window_.capacity());
      CO_TRY_ASSIGN(const std::byte* bytes, co_await window_.get(table, in_a_row));
      CO_TRY(co_await check_l2(bytes));
    }
    co_return {};
  }

  Task<> check_l2(const std::byte* table) {
    const uint64_t step = header_.l2_entry_size();
    for (uint64_t i = 0; i < header_.l2_entries(); ++i) {
      const auto raw = load_be<uint64_t>(table + i * step);
      const uint64_t data = raw & l2_offset_mask;
      if (data == 0 || (raw & l2_compressed_flag) != 0 || header_.has_data_file()) continue;
      const uint64_t cluster = data >> header_.cluster_bits;
      std::optional<uint64_t> known = refcounts_.find(cluster);
      if (!known) {
        CO_TRY_ASSIGN(known, co_await refcounts_.get(cluster));
      }
      const uint64_t refcount = *known;
      if ((refcount == 1) != ((raw & copied_flag) != 0)) {
        report_.corruption("ERROR OFLAG_COPIED data cluster: l2_entry=" + bare_hex(raw) +
                           " refcount=" + std::to_string(refcount));
      }
    }
    co_return {};
  }

  storage::Source& file_;
  const Header& header_;
  RefcountReader& refcounts_;
  CheckReport& report_;
  TableWindow window_;
};

}  // namespace

Task<> check_copied_flags(storage::Source& file, const Header& header, RefcountReader& refcounts,
                          CheckReport& report) {
  CopiedChecker checker(file, header, refcounts, report);
  Result<void> done = co_await checker.check();
  if (!done && done.error().kind() == ErrorKind::corrupt) co_return {};
  co_return done;
}

}  // namespace oxbow::format::qcow2
