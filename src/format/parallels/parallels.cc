#include "format/parallels/parallels.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace oxbow::format::parallels {
namespace {

/// Pages of the table that a repair changes before it writes them.
constexpr size_t most_changed = 64;

CheckFinding finding(bool fix, const std::string& what, CheckFinding::Severity severity) {
  return {severity, (fix ? "Repairing " : "ERROR ") + what};
}

}  // namespace

ParallelsImage::ParallelsImage(std::unique_ptr<storage::Storage> file, const Header& header)
    : BlockImage(std::move(file), header.disk_size, header.cluster_size),
      header_(header),
      table_(storage(), {table_offset, header.table_entries, 4, false}) {}

Task<BlockImage::Block> ParallelsImage::find(uint64_t block) {
  if (block >= table_.count()) co_return Block{};
  if (!table_.holds(block)) CO_TRY(co_await table_.load(block));
  const uint64_t entry = table_.get(block);
  if (entry == 0) co_return Block{};
  co_return Block{RunKind::data, entry * header_.entry_unit};
}

// That the image is in use is on disk before anything changes.
Task<> ParallelsImage::begin_writing() {
  CO_TRY_ASSIGN(const Survey found, co_await survey());
  end_of_data_ = found.end;
  co_return co_await set_in_use(in_use_mark);
}

Task<> ParallelsImage::set_in_use(uint32_t mark) {
  std::array<std::byte, 4> raw{};
  store_le(raw.data(), mark);
  const iovec from = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await storage().write(in_use_offset, IoSpan(&from, 1)));
  CO_TRY(co_await storage().flush());
  if (mark == 0) header_.in_use = false;
  co_return {};
}

Task<uint64_t> ParallelsImage::allocate(uint64_t block) {
  if (block >= table_.count()) {
    co_return fail(ErrorKind::io,
                   "'" + filename() + "': the Parallels table has no entry for cluster " +
                       std::to_string(block),
                   EINVAL);
  }
  const uint64_t room = align_up(end_of_data_, header_.entry_unit);
  if (room / header_.entry_unit > UINT32_MAX) {
    co_return fail(ErrorKind::no_space,
                   "'" + filename() + "': the Parallels table cannot name another cluster", ENOSPC);
  }
  CO_TRY(co_await clear_room(room, block_size()));
  end_of_data_ = room + block_size();
  co_return room;
}

Task<> ParallelsImage::link(uint64_t block, uint64_t host_offset) {
  if (!table_.holds(block)) CO_TRY(co_await table_.load(block));
  table_.set(block, host_offset / header_.entry_unit);
  co_return {};
}

uint64_t ParallelsImage::sectors_end() const { return align_up(file_size(), sector); }

Task<ParallelsImage::Survey> ParallelsImage::survey() {
  Survey out;
  uint64_t last = 0;
  auto look = [&](uint64_t, uint64_t entry) {
    const uint64_t offset = entry * header_.entry_unit;
    if (entry != 0) {
      ++out.allocated;
      if (last != 0 && last + block_size() != offset) ++out.fragmented;
      out.end = std::max(out.end, offset + block_size());
    }
    last = offset;
    return true;
  };
  CO_TRY(co_await table_.each(look));
  if (out.end == 0) out.end = header_.data_offset;
  co_return out;
}

Task<> ParallelsImage::check_outside(CheckResult& result, const FindingSink& on_finding, bool fix) {
  for (uint64_t index = 0; index < table_.count(); ++index) {
    if (!table_.holds(index)) CO_TRY(co_await table_.load(index));
    if (table_.get(index) * header_.entry_unit <= sectors_end()) continue;
    const std::string what = "cluster " + std::to_string(index) + " is outside image";
    if (on_finding) on_finding(finding(fix, what, CheckFinding::Severity::error));
    ++result.corruptions;
    if (!fix) continue;
    table_.set(index, 0);
    ++result.corruptions_fixed;
    if (table_.changed_pages() > most_changed) CO_TRY(co_await store_entries(table_));
  }
  if (fix) CO_TRY(co_await store_entries(table_));
  co_return {};
}

Task<> ParallelsImage::check_end(CheckResult& result, const FindingSink& on_finding, bool fix) {
  CO_TRY_ASSIGN(const Survey found, co_await survey());
  result.image_end_offset = found.end;
  if (sectors_end() <= found.end) co_return {};
  const uint64_t leaked = sectors_end() - found.end;
  const uint64_t count = div_round_up(leaked, block_size());
  const std::string what = "space leaked at the end of the image " + std::to_string(leaked);
  if (on_finding) on_finding(finding(fix, what, CheckFinding::Severity::leak));
  result.leaks += count;
  if (!fix) co_return {};
  CO_TRY(co_await storage().truncate(found.end));
  result.leaks_fixed += count;
  co_return {};
}

Task<CheckResult> ParallelsImage::check(FindingSink on_finding, Repair repair) {
  CheckResult result;
  const bool fix = repair >= Repair::all;
  if (header_.in_use) {
    const auto severity = CheckFinding::Severity::error;
    if (on_finding) on_finding(finding(fix, "image was not closed correctly", severity));
    ++result.corruptions;
  }
  CO_TRY(co_await check_outside(result, on_finding, fix));
  CO_TRY(co_await check_end(result, on_finding, repair != Repair::none));
  if (header_.in_use && fix) {
    CO_TRY(co_await storage().flush());
    CO_TRY(co_await set_in_use(0));
    ++result.corruptions_fixed;
  }
  CO_TRY_ASSIGN(const Survey found, co_await survey());
  result.total_clusters = table_.count();
  result.allocated_clusters = found.allocated;
  result.fragmented_clusters = found.fragmented;
  co_return result;
}

Task<std::unique_ptr<Format>> open_parallels(std::unique_ptr<storage::Storage> file) {
  CO_TRY_ASSIGN(const Header header, co_await read_header(*file));
  if (header.has_extension && !file->read_only()) {
    co_return fail(ErrorKind::unsupported,
                   "Parallels images with a format extension can only be read", ENOTSUP);
  }
  co_return std::make_unique<ParallelsImage>(std::move(file), header);
}

}  // namespace oxbow::format::parallels
