#include "format/qed/qed.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/sparse_bits.h"

namespace oxbow::format::qed {
namespace {

constexpr uint64_t entry_unallocated = 0;
constexpr uint64_t entry_zero = 1;
constexpr size_t most_tables = 4;

// Compares an image with itself, table by table. A cluster that has an owner is looked at no second
// time, so the work is bounded by the file.
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

QedImage::QedImage(std::unique_ptr<storage::Storage> file, Header header)
    : BlockImage(std::move(file), header.disk_size, header.cluster_size),
      header_(std::move(header)),
      l1_(storage(), {header_.l1_offset, header_.table_entries(), 8, false}) {}

std::optional<BackingName> QedImage::backing_name() const {
  if (header_.backing_file.empty()) return std::nullopt;
  BackingName name{header_.backing_file, std::nullopt};
  if ((header_.features & feature_backing_raw) != 0) name.format = "raw";
  return name;
}

uint64_t QedImage::last_cluster_end() const { return align_up(file_size(), header_.cluster_size); }

std::unexpected<Error> QedImage::bad_offset(const char* what, uint64_t offset) const {
  return fail(
      ErrorKind::io,
      "'" + filename() + "': QED " + what + " at an invalid offset " + std::to_string(offset),
      EINVAL);
}

QedImage::Table QedImage::l2_table(uint64_t offset) {
  for (const auto& [place, table] : recent_) {
    if (place == offset) return table;
  }
  if (recent_.size() == most_tables) recent_.pop_front();
  recent_.emplace_back(offset, std::make_shared<EntryTable>(
                                   storage(), EntryLayout{offset, header_.table_entries(), 8}));
  return recent_.back().second;
}

Task<BlockImage::Block> QedImage::find(uint64_t block) {
  const uint64_t l1_index = block / header_.table_entries();
  if (l1_index >= l1_.count()) co_return Block{};
  if (!l1_.holds(l1_index)) CO_TRY(co_await l1_.load(l1_index));
  const uint64_t l2_offset = l1_.get(l1_index);
  if (l2_offset == entry_unallocated) co_return Block{};
  if (!header_.is_table_offset(l2_offset, last_cluster_end())) {
    co_return bad_offset("L2 table", l2_offset);
  }
  const Table table = l2_table(l2_offset);
  const uint64_t l2_index = block % header_.table_entries();
  if (!table->holds(l2_index)) CO_TRY(co_await table->load(l2_index));
  const uint64_t entry = table->get(l2_index);
  if (entry == entry_unallocated) co_return Block{};
  if (entry == entry_zero) co_return Block{RunKind::zero};
  if (!header_.is_cluster_offset(entry, last_cluster_end())) co_return bad_offset("data", entry);
  co_return Block{RunKind::data, entry};
}

Task<uint64_t> QedImage::allocate(uint64_t) {
  co_return fail(ErrorKind::read_only, "QED images can only be read", EROFS);
}

Task<CheckResult> QedImage::check(FindingSink, Repair repair) {
  if (repair != Repair::none) co_return no_check();
  Checker checker(storage(), header_, last_cluster_end());
  co_return co_await checker.run(l1_);
}

Task<std::unique_ptr<Format>> open_qed(std::unique_ptr<storage::Storage> file) {
  CO_TRY_ASSIGN(Header header, co_await read_header(*file));
  if (!file->read_only()) {
    co_return fail(ErrorKind::read_only, "QED images can only be read", EROFS);
  }
  co_return std::make_unique<QedImage>(std::move(file), std::move(header));
}

}  // namespace oxbow::format::qed
