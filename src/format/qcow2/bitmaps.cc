#include "format/qcow2/bitmaps.h"

#include <algorithm>

#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

Task<> Bitmaps::start() {
  CO_TRY_ASSIGN(std::vector<Bitmap> found, co_await read_bitmap_directory(gate_.file(), header_));
  for (const UnknownExtension& extension : header_.unknown) {
    if (extension.type != extension_bitmap_record) continue;
    record_ = BitmapRecord::decode(extension.data).value_or(BitmapRecord{});
  }
  bitmaps_.reserve(found.size());
  for (Bitmap& entry : found) {
    const bool right = recovers(entry);
    bitmaps_.push_back({std::move(entry), std::nullopt, right, std::nullopt});
    if (right) bitmaps_.back().holds = record_.find(bitmaps_.back().entry.name)->holds;
  }
  regroup();
  co_return {};
}

std::vector<Bitmap> Bitmaps::list() const {
  std::vector<Bitmap> out = on_disk();
  for (size_t i = 0; i < out.size(); ++i) {
    if (bitmaps_[i].taken) out[i].flags &= ~bitmap_in_use;
  }
  return out;
}

std::vector<Bitmap> Bitmaps::on_disk() const {
  std::vector<Bitmap> entries;
  entries.reserve(bitmaps_.size());
  for (const Open& one : bitmaps_) entries.push_back(one.entry);
  return entries;
}

Bitmaps::Open* Bitmaps::find(std::string_view name) {
  const auto found =
      std::ranges::find_if(bitmaps_, [&](const Open& one) { return one.entry.name == name; });
  return found == bitmaps_.end() ? nullptr : &*found;
}

Result<Bitmaps::Open*> Bitmaps::usable(std::string_view name) {
  Open* found = find(name);
  const std::string quoted = "'" + std::string(name) + "'";
  if (found == nullptr) {
    return fail(ErrorKind::not_found, "Dirty bitmap " + quoted + " not found", ENOENT);
  }
  if (found->entry.foreign()) {
    return fail(ErrorKind::unsupported, "Bitmap " + quoted + " is of a kind that is not known",
                ENOTSUP);
  }
  if (!found->usable()) {
    Error inconsistent(ErrorKind::corrupt,
                       "Bitmap " + quoted + " is inconsistent and cannot be used", EINVAL);
    return std::unexpected(
        std::move(inconsistent)
            .with_hint("Try block-dirty-bitmap-remove to delete this bitmap from disk\n"));
  }
  return found;
}

Result<Bitmaps::Open*> Bitmaps::changeable(std::string_view name) {
  TRY_ASSIGN(Open* const found, usable(name));
  if (!found->since) return found;
  return fail(ErrorKind::busy,
              "Bitmap '" + std::string(name) +
                  "' is currently in use by another operation and cannot be used",
              EBUSY);
}

uint64_t Bitmaps::bits_for(const Open& bitmap, uint64_t bytes) const {
  return div_round_up(bytes, uint64_t{1} << bitmap.entry.granularity_bits);
}

// Nothing is covered at first: mark() finds out.
void Bitmaps::regroup() {
  groups_.clear();
  for (size_t i = 0; i < bitmaps_.size(); ++i) {
    const Open& one = bitmaps_[i];
    if (!one.usable() || !one.entry.enabled()) continue;
    const uint8_t bits = one.entry.granularity_bits;
    auto group = std::ranges::find(groups_, bits, &Group::granularity_bits);
    if (group == groups_.end()) {
      groups_.push_back({bits, {}, SparseBits(bits_for(one, header_.size))});
      group = groups_.end() - 1;
    }
    group->members.push_back(i);
  }
}

const SparseBits& Bitmaps::known(const Group& group) const {
  const Open& first = bitmaps_[group.members.front()];
  if (group.members.size() > 1 || !first.bits) return group.covered;
  return first.since ? *first.since : first.bits->bits();
}

bool Bitmaps::note(uint64_t offset, uint64_t length) {
  if (record_outdated_ || quiet_.locked()) return false;
  const bool noted = std::ranges::all_of(groups_, [&](Group& group) {
    const uint64_t first = offset >> group.granularity_bits;
    const uint64_t last = (offset + length - 1) >> group.granularity_bits;
    const uint64_t count = last - first + 1;
    return known(group).all_set(first, count) || note_in_group(group, first, count);
  });
  if (noted) ++under_way_;
  return noted;
}

Task<async::Mutex::Guard> Bitmaps::quiesce() {
  CO_TRY_ASSIGN(auto quiet, co_await quiet_.lock());
  while (under_way_ != 0) CO_TRY(co_await idle_.wait());
  co_return std::move(quiet);
}

// Where memory alone has to change, and nobody is storing bits at the moment.
bool Bitmaps::note_in_group(Group& group, uint64_t first, uint64_t count) {
  if (changing_.locked()) return false;
  for (const size_t member : group.members) {
    const Open& one = bitmaps_[member];
    if (!one.taken || !one.bits) return false;
    if (one.holds && !one.bits->covered_on_disk(first, count)) return false;
  }
  for (const size_t member : group.members) bitmaps_[member].set(first, count);
  if (group.members.size() > 1) group.covered.set(first, count);
  return true;
}

Task<> Bitmaps::mark(uint64_t offset, uint64_t length) {
  {
    CO_TRY_ASSIGN(const auto turn, co_await quiet_.lock());
    ++under_way_;
  }
  const Result<void> marked = co_await mark_begun(offset, length);
  if (!marked) ended();
  co_return marked;
}

Task<> Bitmaps::mark_begun(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  if (record_outdated_) CO_TRY(co_await write_record());
  CO_TRY_ASSIGN(const std::vector<Change> changes, co_await changes_of(offset, length));
  std::vector<Open*> changing;
  changing.reserve(changes.size());
  for (const Change& change : changes) changing.push_back(change.bitmap);
  CO_TRY(co_await take_over(changing));
  bool power = false;
  for (const Change& change : changes) {
    CO_TRY(co_await set_on_disk(change));
    power = power || change.bitmap->holds == BitmapDurability::power;
  }
  if (power) CO_TRY(co_await gate_.barrier());
  // Only now: what is set in memory lets other writes through.
  for (const Change& change : changes) change.bitmap->set(change.first, change.count);
  for (Group& group : groups_) {
    if (group.members.size() == 1) continue;
    const uint64_t first = offset >> group.granularity_bits;
    const uint64_t last = (offset + length - 1) >> group.granularity_bits;
    group.covered.set(first, last - first + 1);
  }
  co_return {};
}

// A bitmap that knows the change already needs no mark: what is on disk is right.
Task<std::vector<Bitmaps::Change>> Bitmaps::changes_of(uint64_t offset, uint64_t length) {
  std::vector<Change> changes;
  for (const Group& group : groups_) {
    const uint64_t first = offset >> group.granularity_bits;
    const uint64_t count = ((offset + length - 1) >> group.granularity_bits) - first + 1;
    for (const size_t member : group.members) {
      Open& one = bitmaps_[member];
      CO_TRY(co_await load(one));
      if (!one.knows(first, count)) changes.push_back({&one, first, count});
    }
  }
  co_return changes;
}

Task<> Bitmaps::load(Open& bitmap) {
  if (bitmap.bits) co_return {};
  CO_TRY_ASSIGN(BitmapBits loaded,
                co_await BitmapBits::load(gate_.file(), header_, bitmap.entry, header_.size));
  bitmap.bits.emplace(std::move(loaded));
  co_return {};
}

// One update of the directory, on disk before what the bitmaps do not know yet.
Task<> Bitmaps::take_over(std::vector<Open*> wanted) {
  std::erase_if(wanted, [](const Open* one) { return one->taken; });
  if (wanted.empty()) co_return {};
  for (Open* one : wanted) CO_TRY(co_await load(*one));
  CO_TRY(co_await promise(wanted));
  for (Open* one : wanted) one->entry.flags |= bitmap_in_use;
  Result<void> marked = co_await write_directory_in_place();
  if (marked) marked = co_await gate_.barrier();
  for (Open* one : wanted) {
    one->taken = marked.has_value();
    if (!marked) one->entry.flags &= ~bitmap_in_use;
  }
  co_return marked;
}

// Only flags have changed: any mix of old and new sectors is a sound directory.
Task<> Bitmaps::write_directory_in_place() {
  const std::vector<std::byte> bytes = encode_bitmap_directory(on_disk());
  const iovec from{const_cast<std::byte*>(bytes.data()), bytes.size()};
  co_return co_await gate_.write(Writes::bitmap_directory, header_.bitmaps->directory_offset,
                                 IoSpan(&from, 1));
}

Task<> Bitmaps::store() {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  Result<void> first;
  std::vector<Open*> stored;
  for (Open& one : bitmaps_) {
    if (!one.taken) continue;
    Result<void> done;
    if (one.bits) {
      done = co_await one.bits->store(gate_, refcounts_, counted_, one.entry.table_offset);
    }
    if (done) stored.push_back(&one);
    if (!done && first) first = done;
  }
  if (stored.empty()) co_return first;
  CO_TRY(co_await gate_.barrier());
  for (Open* one : stored) one->entry.flags &= ~bitmap_in_use;
  CO_TRY(co_await write_directory_in_place());
  CO_TRY(co_await gate_.barrier());
  for (Open* one : stored) {
    one->taken = false;
    one->holds.reset();
  }
  // A bitmap that has changed since is marked again first.
  regroup();
  co_return first;
}

Task<const SparseBits*> Bitmaps::bits_of(std::string_view name) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY_ASSIGN(Open* const found, usable(name));
  CO_TRY(co_await load(*found));
  co_return &found->bits->bits();
}

Result<uint8_t> Bitmaps::granularity_bits_of(std::string_view name) const {
  const auto found =
      std::ranges::find_if(bitmaps_, [&](const Open& one) { return one.entry.name == name; });
  if (found != bitmaps_.end()) return found->entry.granularity_bits;
  return fail(ErrorKind::not_found, "Dirty bitmap '" + std::string(name) + "' not found", ENOENT);
}

}  // namespace oxbow::format::qcow2
