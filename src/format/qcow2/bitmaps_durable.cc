// What of a bitmap survives a crash. The record in the header names bitmaps whose bits on disk
// cover every change, and an autoclear bit says that nobody else has written since. Both are on
// disk before the bitmaps are marked IN_USE, and count only for those that are
// (docs/crash-ordering.md).
#include <algorithm>

#include "format/qcow2/bitmaps.h"
#include "format/qcow2/header_extension.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

Task<> Bitmaps::set_autoclear(uint64_t bits, bool on) {
  const uint64_t features =
      on ? header_.autoclear_features | bits : header_.autoclear_features & ~bits;
  if (features == header_.autoclear_features) co_return {};
  CO_TRY(co_await gate_.write_header_field(header_offset_autoclear, features));
  header_.autoclear_features = features;
  co_return {};
}

// A table of another size than the disk's is that of a crash while the size changed.
bool Bitmaps::recovers(const Bitmap& entry) const {
  return entry.in_use() && !entry.foreign() && in_force() &&
         record_.covers(entry.name, options_.boot) &&
         entry.table_size == bitmap_table_entries(header_, header_.size, entry.granularity_bits);
}

// Of what does not survive this opening the record must not speak any more: a machine on which
// it would still count may open the image later.
Task<std::vector<std::string>> Bitmaps::start_writing() {
  std::vector<std::string> recovered;
  bool stale = false;
  for (const Open& one : bitmaps_) {
    if (one.taken) recovered.push_back(one.entry.name);
    stale = stale || (!one.taken && one.entry.in_use());
  }
  if (in_force() && stale) CO_TRY(co_await write_record());
  co_return recovered;
}

BitmapDurability Bitmaps::durability_of(std::string_view name) const {
  const BitmapRecord::Entry* entry = record_.find(name);
  if (entry != nullptr && entry->setting) return *entry->setting;
  if (options_.durability) return *options_.durability;
  return record_.image_setting.value_or(BitmapDurability::process);
}

// As memory has it: entries that say nothing are left out.
Task<> Bitmaps::write_record() {
  BitmapRecord record = record_;
  record.boot = options_.boot;
  for (BitmapRecord::Entry& entry : record.entries) entry.holds.reset();
  for (const Open& one : bitmaps_) {
    if (!one.holds || one.withdrawn) continue;
    BitmapRecord::Entry* entry = record.find_or_add(one.entry.name);
    if (entry != nullptr) entry->holds = one.holds;
  }
  std::erase_if(record.entries,
                [](const BitmapRecord::Entry& entry) { return !entry.setting && !entry.holds; });
  const std::vector<std::byte> data = record.encode();
  CO_TRY(co_await put_extension(gate_, header_, extension_bitmap_record, data));
  record_ = std::move(record);
  record_outdated_ = false;
  co_return {};
}

// Before they are marked IN_USE, which brings it into force. Bitmaps for which the header has no
// room are kept as long as the image is closed properly.
Task<> Bitmaps::promise(std::span<Open* const> wanted) {
  bool any = false;
  for (Open* one : wanted) {
    const BitmapDurability durability = durability_of(one->entry.name);
    const bool room = record_.find_or_add(one->entry.name) != nullptr;
    if (durability == BitmapDurability::close || !room) continue;
    one->holds = durability;
    any = true;
  }
  if (!any && !in_force()) co_return {};
  Result<void> written = co_await write_record();
  if (written && any) written = co_await set_autoclear(autoclear_bitmap_record, true);
  if (written) co_return {};
  for (Open* one : wanted) one->holds.reset();
  if (in_force() || written.error().kind() != ErrorKind::no_space) co_return written;
  co_return {};
}

// Where its bits cannot be set on disk the record takes back what it says: the guest's write is
// not to fail for that.
Task<> Bitmaps::set_on_disk(const Change& change) {
  Open& bitmap = *change.bitmap;
  if (!bitmap.holds) co_return {};
  const Result<void> set = co_await bitmap.bits->set_on_disk(
      gate_, refcounts_, counted_, bitmap.entry.table_offset, change.first, change.count);
  if (set) co_return {};
  const auto held = std::exchange(bitmap.holds, std::nullopt);
  const Result<void> written = co_await write_record();
  if (!written) bitmap.holds = held;
  co_return written;
}

Task<> Bitmaps::set_durability(std::string_view name, std::optional<BitmapDurability> setting) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  const BitmapRecord before = record_;
  if (name.empty()) {
    record_.image_setting = setting;
  } else {
    CO_TRY(usable(name));
    BitmapRecord::Entry* const entry = record_.find_or_add(name);
    if (entry == nullptr) {
      co_return fail(ErrorKind::no_space, "The header has no room for another bitmap's setting",
                     ENOSPC);
    }
    entry->setting = setting;
  }
  const Result<void> written = co_await write_record();
  if (!written) record_ = before;
  co_return written;
}

}  // namespace oxbow::format::qcow2
