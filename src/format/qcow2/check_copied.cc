#include "format/qcow2/check_copied.h"

#include "format/qcow2/check_references.h"
#include "format/qcow2/table_window.h"

namespace oxbow::format::qcow2 {
namespace {

class CopiedChecker {
 public:
  CopiedChecker(storage::Source& file, const Header& header, RefcountReader& refcounts,
                CheckReport& report, CopiedRepair* repair)
      : file_(file),
        header_(header),
        refcounts_(refcounts),
        report_(report),
        repair_(repair),
        repairs_l1_(repair != nullptr &&
                    repair->owners.referred_once(header.l1_table_offset, header.l1_size * 8)),
        window_(file, header.cluster_size()) {}

  Task<> check() {
    for (uint64_t first = 0; first < header_.l1_size; first += l1_piece) {
      const uint64_t count = std::min<uint64_t>(l1_piece, header_.l1_size - first);
      CO_TRY_ASSIGN(std::vector<uint64_t> l1,
                    co_await read_l1_piece(file_, header_.l1_table_offset, first, count));
      l1_changed_ = false;
      const Result<void> checked = co_await check_l1(l1, first);
      if (l1_changed_) CO_TRY(co_await write_l1(l1, first));
      CO_TRY(checked);
    }
    co_return {};
  }

 private:
  // Whether the flag is to be turned over.
  bool judge(bool copied, uint64_t refcount, bool repairs, const std::string& text) {
    if ((refcount == 1) == copied) return false;
    if (repairs) {
      report_.corruption_fixed("Repairing OFLAG_COPIED " + text + std::to_string(refcount));
    } else {
      report_.corruption("ERROR OFLAG_COPIED " + text + std::to_string(refcount));
    }
    return repairs;
  }

  Task<> check_l1(std::span<uint64_t> l1, uint64_t first) {
    for (size_t i = 0; i < l1.size(); ++i) {
      const uint64_t table = l1[i] & l1_offset_mask;
      if (table == 0) continue;
      CO_TRY_ASSIGN(const uint64_t refcount,
                    co_await refcounts_.get(table >> header_.cluster_bits));
      const bool copied = (l1[i] & copied_flag) != 0;
      if ((refcount == 1) != copied && judge(copied, refcount, repairs_l1_,
                                             "L2 cluster: l1_index=" + std::to_string(first + i) +
                                                 " l1_entry=" + bare_hex(l1[i]) + " refcount=")) {
        l1[i] ^= copied_flag;
        l1_changed_ = true;
      }
      const uint64_t in_a_row =
          tables_in_a_row(l1.subspan(i), header_.cluster_size(), window_.capacity());
      CO_TRY_ASSIGN(const std::byte* bytes, co_await window_.get(table, in_a_row));
      CO_TRY(co_await check_l2(table, std::span(bytes, header_.cluster_size())));
    }
    co_return {};
  }

  Task<> check_l2(uint64_t offset, std::span<const std::byte> table) {
    const bool repairs = repair_ != nullptr && repair_->owners.only_l2_table(offset);
    const uint64_t step = header_.l2_entry_size();
    std::vector<std::byte> changed;
    Result<void> found;
    for (uint64_t i = 0; found && i < header_.l2_entries(); ++i) {
      const auto raw = load_be<uint64_t>(table.data() + i * step);
      const uint64_t data = raw & l2_offset_mask;
      if (data == 0 || (raw & l2_compressed_flag) != 0) continue;
      const uint64_t cluster = data >> header_.cluster_bits;
      // Clusters of a data file have no counts: each is its entry's alone.
      std::optional<uint64_t> known =
          header_.has_data_file() ? std::optional<uint64_t>(1) : refcounts_.find(cluster);
      if (!known) {
        const Result<uint64_t> count = co_await refcounts_.get(cluster);
        if (!count) found = std::unexpected(count.error());
        if (!count) continue;
        known = *count;
      }
      const bool copied = (raw & copied_flag) != 0;
      if ((*known == 1) != copied &&
          judge(copied, *known, repairs,
                "data cluster: l2_entry=" + bare_hex(raw) + " refcount=")) {
        if (changed.empty()) changed.assign(table.begin(), table.end());
        store_be<uint64_t>(changed.data() + i * step, raw ^ copied_flag);
      }
    }
    if (!changed.empty()) CO_TRY(co_await write_l2(offset, changed));
    co_return found;
  }

  Task<> write_l2(uint64_t offset, std::span<const std::byte> table) {
    // A table that several L1 entries share is read again.
    window_.forget();
    const iovec from = io_slice(table);
    co_return co_await repair_->gate.write(Writes::active_l2, offset, IoSpan(&from, 1));
  }

  Task<> write_l1(std::span<const uint64_t> l1, uint64_t first) {
    co_return co_await write_entries(repair_->gate, Writes::active_l1,
                                     header_.l1_table_offset + first * 8, l1);
  }

  storage::Source& file_;
  const Header& header_;
  RefcountReader& refcounts_;
  CheckReport& report_;
  CopiedRepair* repair_;
  bool repairs_l1_;
  bool l1_changed_ = false;
  TableWindow window_;
};

}  // namespace

Task<> check_copied_flags(storage::Source& file, const Header& header, RefcountReader& refcounts,
                          CheckReport& report, CopiedRepair* repair) {
  CopiedChecker checker(file, header, refcounts, report, repair);
  Result<void> done = co_await checker.check();
  if (!done && done.error().kind() == ErrorKind::corrupt) co_return {};
  co_return done;
}

}  // namespace oxbow::format::qcow2
