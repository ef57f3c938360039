// Before the first change, what an image says of its bitmaps is looked into: they are written in
// place, and one whose table cannot be read, or whose clusters may be somebody else's, must not
// be. Such a bitmap is marked IN_USE, which is to say inconsistent, and left alone from then on.
#include <algorithm>

#include "format/qcow2/bitmaps.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

Task<> Bitmaps::examine() {
  if (places_) co_return {};
  BitmapPlaces places(header_, gate_.file().size());
  std::vector<bool> sound;
  sound.reserve(bitmaps_.size());
  for (const Open& one : bitmaps_) {
    CO_TRY_ASSIGN(const bool alone, co_await take_places(one, places));
    sound.push_back(alone);
  }
  // What was taken first may have turned out to be shared later.
  for (size_t i = 0; places.any_shared() && i < bitmaps_.size(); ++i) {
    if (!sound[i] || !bitmaps_[i].usable()) continue;
    CO_TRY_ASSIGN(sound[i], co_await keeps_to_itself(bitmaps_[i].entry, places));
  }
  CO_TRY(co_await distrust_unsound(sound));
  places_.emplace(std::move(places));
  co_return {};
}

// False of one that must not be written; what the others name is taken all the same.
Task<bool> Bitmaps::take_places(const Open& one, BitmapPlaces& places) {
  const Bitmap& entry = one.entry;
  bool sound = places.take(entry.table_offset, uint64_t{entry.table_size} * 8);
  if (!sound) co_return false;  // nothing is learned from reading it again
  const auto table = co_await read_bitmap_table(gate_.file(), header_, entry);
  if (!table && table.error().kind() != ErrorKind::corrupt && one.usable()) {
    co_return std::unexpected(table.error());
  }
  if (!table) co_return false;
  for (const uint64_t word : *table) {
    const uint64_t offset = word & bitmap_table_offset_mask;
    if (offset == 0) continue;
    if (!places.take(offset, header_.cluster_size())) {
      sound = false;
    } else if (one.usable()) {
      CO_TRY_ASSIGN(const uint64_t count,
                    co_await refcounts_.refcount(offset >> header_.cluster_bits));
      sound = sound && count == 1;
    }
  }
  co_return sound;
}

Task<bool> Bitmaps::keeps_to_itself(const Bitmap& entry, const BitmapPlaces& places) {
  if (places.shared(entry.table_offset, uint64_t{entry.table_size} * 8)) co_return false;
  CO_TRY_ASSIGN(const std::vector<uint64_t> table,
                co_await read_bitmap_table(gate_.file(), header_, entry));
  co_return std::ranges::none_of(table, [&](uint64_t word) {
    const uint64_t offset = word & bitmap_table_offset_mask;
    return offset != 0 && places.shared(offset, header_.cluster_size());
  });
}

Task<> Bitmaps::distrust_unsound(const std::vector<bool>& sound) {
  std::string names;
  std::vector<Open*> newly_marked;
  for (size_t i = 0; i < bitmaps_.size(); ++i) {
    Open& one = bitmaps_[i];
    if (sound[i] || !one.usable()) continue;
    names += (names.empty() ? "'" : ", '") + one.entry.name + "'";
    if (!one.entry.in_use()) newly_marked.push_back(&one);
    record_outdated_ = record_outdated_ || one.holds;
    one.taken = false;
    one.holds.reset();
    one.bits.reset();
    one.entry.flags |= bitmap_in_use;
  }
  if (names.empty()) co_return {};
  regroup();
  if (options_.warn) {
    options_.warn(gate_.file().filename() + ": dirty bitmaps " + names +
                  " are damaged and are not kept up to date any more");
  }
  if (newly_marked.empty()) co_return {};
  Result<void> marked = co_await write_directory_in_place();
  if (marked) marked = co_await gate_.barrier();
  if (marked) co_return {};
  for (Open* one : newly_marked) one->entry.flags &= ~bitmap_in_use;
  co_return marked;
}

}  // namespace oxbow::format::qcow2
