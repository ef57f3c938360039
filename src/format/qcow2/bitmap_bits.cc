#include "format/qcow2/bitmap_bits.h"

#include <algorithm>

#include "base/buffer.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t most_in_one_read = 64 << 10;

// Entries from `first` on whose clusters lie side by side in the file.
uint64_t neighbours(std::span<const uint64_t> table, uint64_t first, uint64_t cluster) {
  const uint64_t most = std::max<uint64_t>(most_in_one_read / cluster, 1);
  uint64_t count = 1;
  while (count < most && first + count < table.size() &&
         table[first + count] == table[first] + count * cluster) {
    ++count;
  }
  return count;
}

}  // namespace

Task<BitmapBits> BitmapBits::load(storage::Source& file, const Header& header, const Bitmap& bitmap,
                                  uint64_t bytes) {
  const uint64_t cluster = header.cluster_size();
  BitmapBits out(div_round_up(bytes, uint64_t{1} << bitmap.granularity_bits), cluster * 8);
  CO_TRY_ASSIGN(out.table_, co_await read_bitmap_table(file, header, bitmap));
  out.changed_.resize(out.table_.size());
  CO_TRY_ASSIGN(Buffer buffer, Buffer::allocate(std::max(most_in_one_read, cluster)));
  for (uint64_t i = 0; i < out.table_.size();) {
    const uint64_t first = i * out.bits_per_cluster_;
    const uint64_t entry = out.table_[i];
    const uint64_t count = entry > bitmap_all_ones ? neighbours(out.table_, i, cluster) : 1;
    if (first < out.bits_.size() && entry == bitmap_all_ones) {
      out.bits_.set(first, std::min(out.bits_per_cluster_, out.bits_.size() - first));
    } else if (entry > bitmap_all_ones) {
      const auto part = buffer.span().first(count * cluster);
      CO_TRY(co_await read_bytes(file, entry, part));
      out.bits_.load(first, part);
    }
    i += count;
  }
  co_return out;
}

void BitmapBits::set(uint64_t first, uint64_t count) {
  bits_.set(first, count);
  const uint64_t begin = first / bits_per_cluster_;
  changed_.set(begin, (first + count - 1) / bits_per_cluster_ - begin + 1);
}

void BitmapBits::clear(uint64_t first, uint64_t count) {
  bits_.clear(first, count);
  const uint64_t end = div_round_up(first + count, bits_per_cluster_);
  for (uint64_t i = first / bits_per_cluster_; i < end; ++i) {
    if (table_[i] != 0) changed_.set(i, 1);
  }
}

void BitmapBits::merge(const SparseBits& other) {
  bits_.merge(other);
  for (uint64_t at = other.next_set(0); at < other.size();) {
    const uint64_t index = at / bits_per_cluster_;
    changed_.set(index, 1);
    at = other.next_set((index + 1) * bits_per_cluster_);
  }
}

std::vector<uint64_t> BitmapBits::resize(uint64_t bits, uint64_t table_entries) {
  std::vector<uint64_t> dropped;
  for (uint64_t i = table_entries; i < table_.size(); ++i) {
    if (table_[i] > bitmap_all_ones) dropped.push_back(table_[i]);
  }
  // What the last cluster says of bits that are new, or gone, must not be read as if it were so.
  const uint64_t edge = std::min(bits, bits_.size()) / bits_per_cluster_;
  table_.resize(table_entries);
  changed_.resize(table_entries);
  ahead_.resize(div_round_up(bits, batch));
  if (edge < table_entries) changed_.set(edge, 1);
  bits_.resize(bits);
  return dropped;
}

// The entry that says it all, where the cluster's bits are all alike.
std::optional<uint64_t> BitmapBits::without_cluster(uint64_t index) const {
  const uint64_t first = index * bits_per_cluster_;
  const uint64_t count = std::min(bits_per_cluster_, bits_.size() - first);
  if (!bits_.any_set(first, count)) return 0;
  if (bits_.all_set(first, count)) return bitmap_all_ones;
  return std::nullopt;
}

Task<> BitmapBits::write_cluster(Gate& gate, uint64_t index, uint64_t offset) const {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(bits_per_cluster_ / 8));
  bits_.store(index * bits_per_cluster_, bytes.span());
  const iovec from = io_slice(bytes.span());
  co_return co_await gate.write(Writes::bitmap_data, offset, IoSpan(&from, 1));
}

Task<> BitmapBits::write_clusters(Gate& gate, Refcounts& refcounts, std::vector<NewCluster>& made) {
  for (uint64_t i = changed_.next_set(0); i < changed_.size(); i = changed_.next_set(i + 1)) {
    uint64_t entry = table_[i];
    if (entry <= bitmap_all_ones) {
      const std::optional<uint64_t> plain = without_cluster(i);
      if (plain == entry) continue;
      if (plain) {
        made.push_back({i, *plain});
        continue;
      }
      CO_TRY_ASSIGN(entry, co_await refcounts.allocate(Writes::bitmap_data, 1));
      made.push_back({i, entry});
    }
    CO_TRY(co_await write_cluster(gate, i, entry));
  }
  co_return {};
}

// Only the entries that changed, and what lies between them: each is whole in its sector.
Task<> BitmapBits::link(Gate& gate, uint64_t table_offset, std::span<const NewCluster> made) {
  std::vector<uint64_t> table = table_;
  for (const NewCluster& one : made) table[one.index] = one.entry;
  const uint64_t first = made.front().index;
  const uint64_t count = made.back().index - first + 1;
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(count * 8));
  store_be_all(bytes.data(), std::span<const uint64_t>(table).subspan(first, count));
  const iovec from = io_slice(bytes.span());
  CO_TRY(co_await gate.write(Writes::bitmap_table, table_offset + first * 8, IoSpan(&from, 1)));
  table_ = std::move(table);
  co_return {};
}

Task<> BitmapBits::store(Gate& gate, Refcounts& refcounts, WriteBarrier& counted,
                         uint64_t table_offset) {
  std::vector<NewCluster> made;
  Result<void> done = co_await write_clusters(gate, refcounts, made);
  if (done && !made.empty()) done = co_await counted.before_write_back();
  if (!done) {
    for (const NewCluster& one : made) {
      if (one.entry > bitmap_all_ones) refcounts.release(Writes::bitmap_data, one.entry, 1);
    }
    co_return done;
  }
  if (!made.empty()) CO_TRY(co_await link(gate, table_offset, made));
  changed_.clear(0, changed_.size());
  ahead_.clear(0, ahead_.size());
  co_return {};
}

// The bits as they are on disk: exact, or all set where a batch went ahead.
void BitmapBits::store_ahead(uint64_t first, std::span<std::byte> out) const {
  bits_.store(first, out);
  const uint64_t begin = first / batch;
  const uint64_t end = std::min(begin + out.size() * 8 / batch, ahead_.size());
  for (uint64_t i = ahead_.next_set(begin); i < end; i = ahead_.next_set(i + 1)) {
    std::ranges::fill(out.subspan((i - begin) * batch / 8, batch / 8), std::byte{0xff});
  }
}

// Batches from `first` on that lie in one cluster, before `end`.
BitmapBits::Span BitmapBits::part_of_cluster(uint64_t first, uint64_t end) const {
  const uint64_t next = (first / batches_per_cluster() + 1) * batches_per_cluster();
  return {first, std::min(end, next) - first};
}

// All bits of a cluster, as far as the disk reaches.
bool BitmapBits::is_whole_cluster(Span batches) const {
  const Span all = part_of_cluster(align_down(batches.first, batches_per_cluster()), ahead_.size());
  return all.first == batches.first && all.count == batches.count;
}

// Sectors of one cluster; a cluster where there is none yet, linked when it is counted and filled.
Task<> BitmapBits::write_ahead(Gate& gate, Refcounts& refcounts, WriteBarrier& counted,
                               uint64_t table_offset, uint64_t index, Span batches) {
  constexpr uint64_t sector_bits = 4096;
  uint64_t first = align_down(batches.first * batch, sector_bits);
  uint64_t end = align_up((batches.first + batches.count) * batch, sector_bits);
  uint64_t cluster = table_[index];
  const bool fresh = cluster == 0;
  if (fresh) {
    first = index * bits_per_cluster_;
    end = first + bits_per_cluster_;
    CO_TRY_ASSIGN(cluster, co_await refcounts.allocate(Writes::bitmap_data, 1));
  }
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate((end - first) / 8));
  store_ahead(first, bytes.span());
  const uint64_t place = cluster + (first - index * bits_per_cluster_) / 8;
  const iovec from = io_slice(bytes.span());
  Result<void> done = co_await gate.write(Writes::bitmap_data, place, IoSpan(&from, 1));
  if (!fresh) co_return done;
  if (done) done = co_await counted.before_write_back();
  if (!done) {
    refcounts.release(Writes::bitmap_data, cluster, 1);
    co_return done;
  }
  const NewCluster made{index, cluster};
  co_return co_await link(gate, table_offset, std::span(&made, 1));
}

Task<> BitmapBits::set_on_disk(Gate& gate, Refcounts& refcounts, WriteBarrier& counted,
                               uint64_t table_offset, uint64_t first, uint64_t count) {
  const uint64_t end = (first + count - 1) / batch + 1;
  std::vector<NewCluster> full;
  Result<void> done;
  for (uint64_t at = first / batch; done && at < end;) {
    const Span part = part_of_cluster(at, end);
    const uint64_t index = at / batches_per_cluster();
    at += part.count;
    if (ahead_.all_set(part.first, part.count)) continue;
    ahead_.set(part.first, part.count);
    if (table_[index] == 0 && is_whole_cluster(part)) {
      full.push_back({index, bitmap_all_ones});
    } else if (table_[index] != bitmap_all_ones) {
      done = co_await write_ahead(gate, refcounts, counted, table_offset, index, part);
    }
  }
  if (done && !full.empty()) done = co_await link(gate, table_offset, full);
  if (!done) ahead_.clear(first / batch, end - first / batch);
  co_return done;
}

}  // namespace oxbow::format::qcow2
