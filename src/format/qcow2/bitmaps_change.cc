// Bitmaps come, go and change their size: a new table or directory is complete and counted
// before the header or a directory names it, and the old one is given back only then.
#include <algorithm>
#include <bit>

#include "base/buffer.h"
#include "format/qcow2/bitmaps.h"
#include "format/qcow2/header_extension.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t max_directory = uint64_t{max_bitmaps} * 1024;

std::vector<std::byte> extension_data(const BitmapsExtension& place) {
  std::vector<std::byte> data(24);
  store_be<uint32_t>(data.data(), place.count);
  store_be<uint64_t>(data.data() + 8, place.directory_size);
  store_be<uint64_t>(data.data() + 16, place.directory_offset);
  return data;
}

}  // namespace

void Bitmaps::release(Writes kind, uint64_t offset, uint64_t bytes) {
  refcounts_.release(kind, offset, div_round_up(bytes, header_.cluster_size()));
}

// The new directory beside the old one; one header write; the old one is free.
Task<> Bitmaps::switch_directory(const std::vector<Bitmap>& entries) {
  const std::optional<BitmapsExtension> old = header_.bitmaps;
  if (entries.empty()) {
    CO_TRY(co_await drop_extension(gate_, header_, extension_bitmaps));
    header_.bitmaps.reset();
    CO_TRY(co_await set_autoclear(autoclear_bitmaps | autoclear_bitmap_record, false));
  } else {
    const std::vector<std::byte> bytes = encode_bitmap_directory(entries);
    if (bytes.size() > max_directory) {
      co_return fail(ErrorKind::unsupported, "Not enough space in the bitmap directory", EFBIG);
    }
    BitmapsExtension place{static_cast<uint32_t>(entries.size()), bytes.size(), 0};
    CO_TRY_ASSIGN(place.directory_offset, co_await write_new(Writes::bitmap_directory, bytes));
    const std::vector<std::byte> data = extension_data(place);
    const Result<void> put = co_await put_extension(gate_, header_, extension_bitmaps, data);
    if (!put) {
      release(Writes::bitmap_directory, place.directory_offset, bytes.size());
      co_return put;
    }
    header_.bitmaps = place;
    CO_TRY(co_await set_autoclear(autoclear_bitmaps, true));
  }
  header_.bitmaps_outdated = false;
  if (old) release(Writes::bitmap_directory, old->directory_offset, old->directory_size);
  co_return {};
}

// Clusters for a table or a directory, filled, counted, on disk; linked nowhere yet.
Task<uint64_t> Bitmaps::write_new(Writes kind, std::span<const std::byte> contents) {
  // What lies behind the contents in their last cluster means nothing.
  const uint64_t bytes = align_up(contents.size(), 512);
  CO_TRY_ASSIGN(Buffer filled, Buffer::allocate_zeroed(bytes));
  std::ranges::copy(contents, filled.data());
  CO_TRY_ASSIGN(const uint64_t offset,
                co_await refcounts_.allocate(kind, div_round_up(bytes, header_.cluster_size())));
  const iovec from = io_slice(filled.span());
  Result<void> done = co_await gate_.write(kind, offset, IoSpan(&from, 1));
  if (done) done = co_await counted_.before_write_back();
  if (!done) {
    release(kind, offset, bytes);
    co_return std::unexpected(done.error());
  }
  co_return offset;
}

Task<uint64_t> Bitmaps::write_new_table(std::span<const uint64_t> table) {
  std::vector<std::byte> contents(table.size() * 8);
  store_be_all(contents.data(), table);
  co_return co_await write_new(Writes::bitmap_table, contents);
}

// What the format does not allow.
Result<void> Bitmaps::may_persist(const std::string& name, uint8_t granularity_bits) const {
  const uint64_t bits = div_round_up(header_.size, uint64_t{1} << granularity_bits);
  std::string why;
  if (header_.version < 3) {
    why = "Cannot store dirty bitmaps in qcow2 v2 files";
  } else if (header_.size == 0) {
    why = "The disk is empty";
  } else if (name.size() > max_bitmap_name) {
    why = "Name length exceeds maximum (" + std::to_string(max_bitmap_name) + " characters)";
  } else if (div_round_up(bits, 8) > max_bitmap_bytes) {
    why = "Too much space will be occupied by the bitmap. Use larger granularity";
  } else if (bitmaps_.size() >= max_bitmaps) {
    why = "Maximum number of persistent bitmaps is already reached";
  } else {
    return {};
  }
  return fail(
      ErrorKind::unsupported,
      "Can't make bitmap '" + name + "' persistent in '" + gate_.file().filename() + "': " + why,
      ENOTSUP);
}

Result<void> Bitmaps::may_add(const std::string& name, uint8_t granularity_bits) {
  const auto invalid = [](std::string why) {
    return fail(ErrorKind::invalid_argument, std::move(why), EINVAL);
  };
  if (name.empty()) return invalid("Bitmap name cannot be empty");
  if (granularity_bits < min_granularity_bits) {
    return invalid("Granularity must be power of 2 and at least 512");
  }
  if (find(name) != nullptr) {
    return fail(ErrorKind::exists, "Bitmap already exists: " + name, EEXIST);
  }
  return may_persist(name, granularity_bits);
}

Task<> Bitmaps::add(std::string name, uint8_t granularity_bits, bool enabled) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(may_add(name, granularity_bits));
  Open made;
  made.entry.granularity_bits = granularity_bits;
  made.entry.flags = enabled ? bitmap_auto : 0;
  const std::vector<uint64_t> table(bitmap_table_entries(header_, header_.size, granularity_bits));
  made.entry.name = std::move(name);
  made.entry.table_size = static_cast<uint32_t>(table.size());
  CO_TRY_ASSIGN(made.entry.table_offset, co_await write_new_table(table));
  std::vector<Bitmap> entries = on_disk();
  entries.push_back(made.entry);
  const uint64_t old_place = directory_offset();
  const Result<void> switched = co_await switch_directory(entries);
  if (!switched) {
    // The directory may be in force though what came after it failed: then the table leaks.
    if (directory_offset() != old_place) co_return switched;
    release(Writes::bitmap_table, made.entry.table_offset, table.size() * 8);
    co_return switched;
  }
  bitmaps_.push_back(std::move(made));
  regroup();
  co_return {};
}

// Its clusters are free once no directory on disk names them.
Task<> Bitmaps::remove(std::string_view name) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  const Open* const gone = find(name);
  if (gone == nullptr || gone->since) {
    const Result<Open*> refused = changeable(name);
    co_return std::unexpected(refused.error());
  }
  const Bitmap entry = gone->entry;
  // The table of a bitmap that cannot be used may be damaged, and what it names is left alone.
  auto table = co_await read_bitmap_table(gate_.file(), header_, entry);
  std::vector<Bitmap> left = on_disk();
  const auto place = gone - bitmaps_.data();
  left.erase(left.begin() + place);
  CO_TRY(co_await switch_directory(left));
  bitmaps_.erase(bitmaps_.begin() + place);
  regroup();
  release_own(Writes::bitmap_table, entry.table_offset, uint64_t{entry.table_size} * 8);
  if (!table) co_return {};
  for (const uint64_t one : *table) {
    const uint64_t offset = one & bitmap_table_offset_mask;
    if (offset != 0) release_own(Writes::bitmap_data, offset, header_.cluster_size());
  }
  co_return {};
}

// What was found in the image: clusters that another bitmap names, too, rather leak.
void Bitmaps::release_own(Writes kind, uint64_t offset, uint64_t bytes) {
  if (!places_->shared(offset, bytes)) release(kind, offset, bytes);
}

Task<> Bitmaps::clear(std::string_view name) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  CO_TRY_ASSIGN(Open* const found, changeable(name));
  CO_TRY(co_await load(*found));
  if (found->bits->bits().count() == 0) co_return {};
  CO_TRY(co_await take_over(found));
  found->bits->clear(0, found->bits->bits().size());
  regroup();
  co_return {};
}

Task<> Bitmaps::set_enabled(std::string_view name, bool enabled) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  CO_TRY_ASSIGN(Open* const found, changeable(name));
  if (found->entry.enabled() == enabled) co_return {};
  found->entry.flags ^= bitmap_auto;
  Result<void> written = co_await write_directory_in_place();
  if (written) written = co_await gate_.barrier();
  if (!written) found->entry.flags ^= bitmap_auto;
  regroup();
  co_return written;
}

Task<> Bitmaps::merge(std::string_view into, const SparseBits& bits, uint8_t granularity_bits) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  CO_TRY_ASSIGN(Open* const found, changeable(into));
  CO_TRY(co_await take_over(found));
  if (found->entry.granularity_bits == granularity_bits) {
    found->bits->merge(bits);
  } else {
    merge_finer_or_coarser(*found, bits, granularity_bits);
  }
  if (!found->holds) co_return {};
  // What is dirty now must be so on disk before anything relies on it.
  CO_TRY(co_await found->bits->store(gate_, refcounts_, counted_, found->entry.table_offset));
  co_return co_await gate_.barrier();
}

void Bitmaps::merge_finer_or_coarser(Open& into, const SparseBits& bits,
                                     uint8_t granularity_bits) const {
  const uint8_t own = into.entry.granularity_bits;
  for (uint64_t at = bits.next_set(0); at < bits.size();) {
    const uint64_t end = bits.next_clear(at);
    const uint64_t last_byte = std::min(end << granularity_bits, header_.size) - 1;
    const uint64_t first = (at << granularity_bits) >> own;
    into.bits->set(first, (last_byte >> own) - first + 1);
    at = bits.next_set(end);
  }
}

Task<> Bitmaps::before_resize(uint64_t bytes) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  std::vector<Open*> changing;
  std::vector<Open*> following;
  for (Open& one : bitmaps_) {
    if (one.entry.foreign()) continue;
    CO_TRY(usable(one.entry.name));
    if (bytes == 0) {
      co_return fail(ErrorKind::unsupported,
                     "Bitmap '" + one.entry.name + "' needs a disk that is not empty", ENOTSUP);
    }
    const uint8_t bits = one.entry.granularity_bits;
    if (div_round_up(bits_for(one, bytes), 8) > max_bitmap_bytes) {
      co_return fail(ErrorKind::unsupported,
                     "Bitmap '" + one.entry.name + "' cannot grow as large as the disk", EFBIG);
    }
    CO_TRY(co_await load(one));
    const bool other_table = bitmap_table_entries(header_, bytes, bits) != one.entry.table_size;
    const uint64_t kept = bits_for(one, bytes);
    const uint64_t now = one.bits->bits().size();
    const bool loses = kept < now && one.bits->bits().any_set(kept, now - kept);
    const bool follows = one.entry.enabled();
    if (follows) following.push_back(&one);
    if (other_table || loses || follows) changing.push_back(&one);
  }
  bytes_before_resize_ = header_.size;
  CO_TRY(co_await take_over(changing));
  if (bytes > header_.size) co_return co_await withdraw(following);
  co_return co_await mark_cut(following, bytes);
}

// What is cut is emptied before the size says so: should it come to no more than that, the disk has
// changed there.
Task<> Bitmaps::mark_cut(std::span<Open* const> following, uint64_t bytes) {
  const uint64_t from = align_up(bytes, header_.cluster_size());
  if (from >= header_.size) co_return {};
  for (Open* one : following) {
    const uint64_t first = from >> one->entry.granularity_bits;
    const Change change{one, first, one->bits->bits().size() - first};
    CO_TRY(co_await set_on_disk(change));
    one->set(change.first, change.count);
  }
  co_return co_await gate_.barrier();
}

// A crash with the new size on disk and without the bits for it must not find a promise. What the
// guest changes meanwhile is set on disk as before.
Task<> Bitmaps::withdraw(std::span<Open* const> promised) {
  bool any = false;
  for (Open* one : promised) {
    one->withdrawn = one->holds.has_value();
    any = any || one->withdrawn;
  }
  if (any) CO_TRY(co_await write_record());
  co_return {};
}

Task<> Bitmaps::mark_grown() {
  const bool grown = header_.size > bytes_before_resize_;
  bool any = false;
  for (Open& one : bitmaps_) {
    if (grown && one.usable() && one.entry.enabled() && one.bits) {
      const uint64_t first = bytes_before_resize_ >> one.entry.granularity_bits;
      const Change change{&one, first, one.bits->bits().size() - first};
      CO_TRY(co_await set_on_disk(change));
      one.set(change.first, change.count);
    }
    any = std::exchange(one.withdrawn, false) || any;
  }
  if (!any) co_return {};
  CO_TRY(co_await gate_.barrier());
  co_return co_await write_record();
}

Task<> Bitmaps::after_resize() {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  Result<void> done = co_await resize_tables();
  if (done) done = co_await mark_grown();
  if (!done) give_up();
  regroup();
  co_return done;
}

// On disk they stay IN_USE, with the tables they had.
void Bitmaps::give_up() {
  for (Open& one : bitmaps_) {
    record_outdated_ = record_outdated_ || one.holds;
    one.taken = false;
    one.holds.reset();
    one.withdrawn = false;
    one.bits.reset();
    one.since.reset();
  }
}

Task<> Bitmaps::resize_tables() {
  std::vector<Bitmap> entries = on_disk();
  std::vector<uint64_t> dropped;
  bool moved = false;
  for (size_t i = 0; i < bitmaps_.size(); ++i) {
    Open& one = bitmaps_[i];
    if (!one.usable() || !one.bits) continue;
    const uint64_t wanted = bitmap_table_entries(header_, header_.size, one.entry.granularity_bits);
    const std::vector<uint64_t> gone = one.bits->resize(bits_for(one, header_.size), wanted);
    if (one.since) one.since->resize(bits_for(one, header_.size));
    dropped.insert(dropped.end(), gone.begin(), gone.end());
    if (wanted == one.entry.table_size) continue;
    CO_TRY_ASSIGN(entries[i].table_offset, co_await write_new_table(one.bits->table()));
    entries[i].table_size = static_cast<uint32_t>(wanted);
    moved = true;
  }
  if (moved) CO_TRY(co_await switch_directory(entries));
  for (size_t i = 0; i < bitmaps_.size(); ++i) {
    const Bitmap old = std::exchange(bitmaps_[i].entry, entries[i]);
    if (old.table_offset == entries[i].table_offset) continue;
    release(Writes::bitmap_table, old.table_offset, uint64_t{old.table_size} * 8);
  }
  for (const uint64_t cluster : dropped) {
    release(Writes::bitmap_data, cluster, header_.cluster_size());
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
