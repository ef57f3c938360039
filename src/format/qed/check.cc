#include "format/qed/check.h"

#include <vector>

#include "base/bytes.h"
#include "base/sparse_bits.h"

namespace oxbow::format::qed {
namespace {

// Compares an image with itself, table by table. A cluster that has an owner is
// looked at no second time, so the work is bounded by the file.
class Checker {
 public:
  Checker(storage::Storage& file, const Header& header, uint64_t end)
      : file_(file), header_(header), end_(end), used_(end / header.cluster_size) {}

  Task<CheckResult> run(EntryTable& l1) {
    (void)take(header_.l1_offset, header_.table_clusters);
    std::vector<uint64_t> tables;
    auto look = [&](uint64_t, uint64_t offset) {
      if (offset == entry_unallocated) return true;
      if (!header_.is_table_offset(offset, end_)) {
        ++result_.corruptions;
      } else if (take(offset, header_.table_clusters)) {
        tables.push_back(offset);
      }
      return true;
    };
    CO_TRY(co_await l1.each(look));
    for (const uint64_t offset : tables) CO_TRY(co_await check_l2(offset));
    // A cluster that the file holds a part of is not counted.
    const uint64_t whole = file_.size() / header_.cluster_size;
    for (uint64_t at = used_.next_clear(header_.header_clusters); at < whole;
         at = used_.next_clear(at + 1)) {
      ++result_.leaks;
    }
    result_.total_clusters = div_round_up(header_.disk_size, header_.cluster_size);
    co_return result_;
  }

 private:
  // Whether nobody had any of them; each that somebody had is a corruption.
  bool take(uint64_t offset, uint64_t clusters) {
    bool free = true;
    for (uint64_t at = offset / header_.cluster_size; clusters != 0; ++at, --clusters) {
      if (used_.test(at)) {
        ++result_.corruptions;
        free = false;
      }
      used_.set(at, 1);
    }
    return free;
  }

  Task<> check_l2(uint64_t offset) {
    EntryTable table(file_, {offset, header_.table_entries(), 8, false});
    uint64_t last = 0;
    auto look = [&](uint64_t, uint64_t entry) {
      if (entry == entry_unallocated || entry == entry_zero) return true;
      ++result_.allocated_clusters;
      if (last != 0 && entry != last + header_.cluster_size) ++result_.fragmented_clusters;
      last = entry;
      if (!header_.is_cluster_offset(entry, end_)) {
        ++result_.corruptions;
      } else {
        (void)take(entry, 1);
      }
      return true;
    };
    co_return co_await table.each(look);
  }

  storage::Storage& file_;
  const Header& header_;
  uint64_t end_;
  SparseBits used_;
  CheckResult result_;
};

}  // namespace

Task<CheckResult> check(storage::Storage& file, const Header& header, uint64_t end,
                        EntryTable& l1) {
  Checker checker(file, header, end);
  co_return co_await checker.run(l1);
}

}  // namespace oxbow::format::qed
