// Bitmaps moved towards the beginning of the file: copies at lower places, a
// directory that names them, one header write; the old ones are free then.
// Nothing that was there is changed.
#include "format/qcow2/bitmaps.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

// A copy of a cluster of bits; 0 where no lower place is free.
Task<uint64_t> Bitmaps::copy_bits_below(uint64_t offset) {
  refcounts_.search_from_start();
  CO_TRY_ASSIGN(const uint64_t to, co_await refcounts_.allocate(Writes::bitmap_data, 1));
  if (to > offset) {
    std::vector<Release> unused{{Writes::bitmap_data, to >> header_.cluster_bits, 1}};
    CO_TRY(co_await refcounts_.apply(unused));
    co_return uint64_t{0};
  }
  CO_TRY_ASSIGN(Buffer bits, Buffer::allocate(header_.cluster_size()));
  const iovec all = io_slice(bits.span());
  CO_TRY(co_await gate_.read(offset, IoSpan(&all, 1)));
  CO_TRY(co_await gate_.write(Writes::bitmap_data, to, IoSpan(&all, 1)));
  co_return to;
}

// The entry with its table and bits where they can be lower. What it had comes
// to `old`.
Task<Bitmap> Bitmaps::copy_below(Bitmap entry, uint64_t end, std::vector<Release>& old) {
  const auto read = co_await read_bitmap_table(gate_.file(), header_, entry);
  if (!read) co_return entry;  // damaged: left as it is
  std::vector<uint64_t> table = *read;
  bool moved = false;
  for (uint64_t& word : table) {
    const uint64_t offset = word & bitmap_table_offset_mask;
    if (offset < end) continue;
    CO_TRY_ASSIGN(const uint64_t to, co_await copy_bits_below(offset));
    if (to == 0) continue;
    old.push_back({Writes::bitmap_data, offset >> header_.cluster_bits, 1});
    word = (word & ~bitmap_table_offset_mask) | to;
    moved = true;
  }
  const bool behind = entry.table_offset + uint64_t{entry.table_size} * 8 > end;
  if (!moved && !behind) co_return entry;
  refcounts_.search_from_start();
  CO_TRY_ASSIGN(const uint64_t place, co_await write_new_table(table));
  const uint64_t clusters = div_round_up(uint64_t{entry.table_size} * 8, header_.cluster_size());
  if (!moved && place > entry.table_offset) {
    std::vector<Release> unused{{Writes::bitmap_table, place >> header_.cluster_bits, clusters}};
    CO_TRY(co_await refcounts_.apply(unused));
    co_return entry;
  }
  old.push_back({Writes::bitmap_table, entry.table_offset >> header_.cluster_bits, clusters});
  entry.table_offset = place;
  co_return entry;
}

Task<> Bitmaps::move_down(uint64_t end) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  if (bitmaps_.empty()) co_return {};
  for (const Open& one : bitmaps_) {
    if (one.taken || one.since) co_return {};  // in use: they are written to where they are
  }
  std::vector<Bitmap> entries = on_disk();
  std::vector<Release> old;
  for (Bitmap& entry : entries) {
    CO_TRY_ASSIGN(entry, co_await copy_below(std::move(entry), end, old));
  }
  const bool behind = header_.bitmaps->directory_offset + header_.bitmaps->directory_size > end;
  if (old.empty() && !behind) co_return {};
  refcounts_.search_from_start();
  CO_TRY(co_await switch_directory(entries));
  for (size_t i = 0; i < bitmaps_.size(); ++i) {
    bitmaps_[i].entry = entries[i];
    bitmaps_[i].bits.reset();
  }
  places_.reset();
  regroup();
  for (const Release& one : old) {
    refcounts_.release(one.kind, one.cluster << header_.cluster_bits, one.count);
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
