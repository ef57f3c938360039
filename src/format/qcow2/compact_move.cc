// Plain clusters: L2 tables and data, with every entry that names them,
// whichever tree it is in.
#include <algorithm>

#include "format/qcow2/compact.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t copied_at_once = 1 << 20;  // bytes

}  // namespace

Task<> Compactor::write_bytes(Writes kind, uint64_t to, std::span<const std::byte> bytes) {
  const iovec part = io_slice(bytes);
  if (kind != Writes::data) co_return co_await gate_.write(kind, to, IoSpan(&part, 1));
  HeldRanges::Hold held = gate_.hold_data(to, bytes.size());
  const Result<void> written = co_await gate_.write(kind, to, IoSpan(&part, 1));
  gate_.end_data(held);
  co_return written;
}

// What is a hole in the file becomes one again.
Task<> Compactor::copy_bytes(Writes kind, uint64_t from, uint64_t to, uint64_t length) {
  CO_TRY_ASSIGN(Buffer buffer, Buffer::allocate(std::min(length, copied_at_once)));
  while (length != 0) {
    uint64_t step = std::min(length, copied_at_once);
    bool zero = from >= gate_.file().size();
    if (!zero) {
      CO_TRY_ASSIGN(const storage::Status there, co_await gate_.file().status(from, step));
      step = std::min(step, there.length);
      zero = there.zero && !there.data;
    }
    if (zero) {
      storage::ZeroFlags flags;
      flags.may_unmap = true;
      CO_TRY(co_await gate_.write_zeroes(kind, to, step, flags));
    } else {
      const iovec part = io_slice(buffer.span().first(step));
      CO_TRY(co_await gate_.read(from, IoSpan(&part, 1)));
      CO_TRY(co_await write_bytes(kind, to, buffer.span().first(step)));
    }
    from += step;
    to += step;
    length -= step;
  }
  co_return {};
}

Task<> Compactor::copy_plain(std::span<const Move> moves) {
  for (size_t i = 0; i < moves.size();) {
    size_t end = i + 1;
    while (end < moves.size() && moves[end].from == moves[i].from + (end - i) &&
           moves[end].to == moves[i].to + (end - i)) {
      ++end;
    }
    CO_TRY(co_await copy_bytes(Writes::data, offset_of(moves[i].from), offset_of(moves[i].to),
                               offset_of(end - i)));
    i = end;
  }
  co_return {};
}

// As many references as are going to be switched; on disk, with the copies,
// when it ends.
Task<> Compactor::count_all(std::span<const Move> moves) {
  for (const Move& move : moves) {
    for (uint64_t i = 1; i < move.references; ++i) {
      uint64_t raised = 0;
      CO_TRY(co_await refcounts_.add_references(move.to, 1, raised));
    }
  }
  CO_TRY(co_await refcounts_.write_back());
  co_return co_await gate_.barrier();
}

Task<bool> Compactor::move_tables(Window window) {
  EntryFinder finder(gate_.file(), header_, map_.l1_entries(), snapshots_);
  CO_TRY_ASSIGN(auto found, co_await finder.tables({window.first, window.end}));
  if (!found) co_return false;
  std::ranges::stable_sort(*found, {}, &TableLink::table);
  std::vector<TableLink> links;
  std::vector<Move> moves;
  for (size_t i = 0; i < found->size();) {
    const uint64_t table = (*found)[i].table;
    size_t end = i;
    while (end < found->size() && (*found)[end].table == table) ++end;
    const bool all = movable(table) && references_.count(table) == end - i;
    const auto to = all ? take_destination() : std::nullopt;
    // The active tree comes first.
    const bool active = (*found)[i].tree == 0;
    const bool inactive = (*found)[end - 1].tree != 0;
    if (to) {
      const Writes kind = active ? Writes::active_l2 : Writes::inactive_l2;
      CO_TRY(co_await refcounts_.claim(kind, *to));
      CO_TRY(co_await copy_bytes(kind, offset_of(table), offset_of(*to), header_.cluster_size()));
      if (active && inactive) {
        gate_.share(Writes::inactive_l2, offset_of(*to), header_.cluster_size());
      }
      moves.push_back({table, *to, end - i});
      for (size_t k = i; k < end; ++k) {
        (*found)[k].to = *to;
        links.push_back((*found)[k]);
      }
    }
    i = end;
  }
  if (moves.empty()) co_return true;
  CO_TRY(co_await count_all(moves));
  std::ranges::sort(links, [](const TableLink& a, const TableLink& b) {
    return a.tree != b.tree ? a.tree < b.tree : a.index < b.index;
  });
  CO_TRY(co_await relink_tables(links));
  CO_TRY(co_await gate_.barrier());
  for (const TableLink& link : links) {
    refcounts_.release(link.tree == 0 ? Writes::active_l2 : Writes::inactive_l2,
                       offset_of(link.table), 1);
  }
  CO_TRY(co_await settle());
  for (const Move& move : moves) {
    for (uint64_t i = 0; i < move.references; ++i) references_.add(move.to, 1);
    moved(move.from, move.to);
  }
  co_return true;
}

Task<> Compactor::relink_tables(std::span<const TableLink> links) {
  for (size_t i = 0; i < links.size();) {
    size_t end = i;
    while (end < links.size() && links[end].tree == links[i].tree) ++end;
    const std::span<const TableLink> of_tree = links.subspan(i, end - i);
    if (links[i].tree == 0) {
      std::vector<ClusterMap::TablePlace> places;
      for (const TableLink& link : of_tree) places.push_back({link.index, offset_of(link.to)});
      CO_TRY(co_await map_.relink_tables(places));
    } else {
      CO_TRY(co_await relink_snapshot(snapshots_[links[i].tree - 1], of_tree));
    }
    i = end;
  }
  co_return {};
}

Task<> Compactor::relink_snapshot(const Snapshot& snapshot, std::span<const TableLink> links) {
  constexpr size_t most = 512;  // entries in one write
  for (size_t i = 0; i < links.size();) {
    std::vector<std::byte> raw;
    size_t end = i;
    while (end < links.size() && links[end].index == links[i].index + (end - i) && end - i < most) {
      raw.resize(raw.size() + 8);
      store_be<uint64_t>(raw.data() + raw.size() - 8, offset_of(links[end].to));
      ++end;
    }
    CO_TRY(co_await write_bytes(Writes::inactive_l1,
                                snapshot.l1_table_offset + uint64_t{links[i].index} * 8, raw));
    i = end;
  }
  co_return {};
}

Task<bool> Compactor::move_data(Window window) {
  EntryFinder finder(gate_.file(), header_, map_.l1_entries(), snapshots_);
  CO_TRY_ASSIGN(auto found, co_await finder.data({window.first, window.end}));
  if (!found) co_return false;
  std::ranges::stable_sort(*found, {}, &DataLink::from);
  std::vector<DataLink> links;
  std::vector<Move> moves;
  for (size_t i = 0; i < found->size();) {
    const uint64_t from = (*found)[i].from;
    const uint64_t cluster = from >> header_.cluster_bits;
    size_t end = i;
    while (end < found->size() && (*found)[end].from == from) ++end;
    const uint64_t references = references_by(std::span(*found).subspan(i, end - i));
    const bool all = movable(cluster) && references_.count(cluster) == references;
    if (const auto to = all ? take_destination() : std::nullopt) {
      CO_TRY(co_await refcounts_.claim(Writes::data, *to));
      moves.push_back({cluster, *to, references});
      for (; i < end; ++i) {
        (*found)[i].to = offset_of(*to);
        links.push_back((*found)[i]);
      }
    }
    i = end;
  }
  if (moves.empty()) co_return true;
  CO_TRY(co_await copy_plain(moves));
  CO_TRY(co_await count_all(moves));
  CO_TRY(co_await relink_entries(links));
  for (const Move& move : moves) {
    for (uint64_t i = 0; i < move.references; ++i) {
      refcounts_.release(Writes::data, offset_of(move.from), 1);
    }
  }
  CO_TRY(co_await settle());
  for (const Move& move : moves) moved(move.from, move.to);
  co_return true;
}

// As the guard knows it.
TableUsers Compactor::users_of(uint64_t table) const {
  const ClassMask classes = guard_.classes_at(table);
  return {(classes & class_bit(Writes::active_l2)) != 0 || !guard_.enabled(),
          (classes & class_bit(Writes::inactive_l2)) != 0};
}

// Table by table; on disk when it ends.
Task<> Compactor::relink_entries(std::vector<DataLink>& links) {
  std::ranges::sort(links, [](const DataLink& a, const DataLink& b) {
    return a.table != b.table ? a.table < b.table : a.index < b.index;
  });
  map_.forget_tables();
  const uint32_t step = header_.l2_entry_size();
  const uint64_t packed = (uint64_t{1} << (62 - (header_.cluster_bits - 8))) - 1;
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate(header_.cluster_size()));
  for (size_t i = 0; i < links.size();) {
    const uint64_t place = links[i].table;
    const iovec all = io_slice(table.span());
    CO_TRY(co_await gate_.read(place, IoSpan(&all, 1)));
    const size_t begin = size_t{links[i].index} * step;
    size_t end = begin;
    for (; i < links.size() && links[i].table == place; ++i) {
      std::byte* at = table.data() + size_t{links[i].index} * step;
      const auto raw = load_be<uint64_t>(at);
      const uint64_t mask = links[i].sectors != 0 ? packed : l2_offset_mask;
      if ((raw & mask) != links[i].from) {
        co_return fail(ErrorKind::internal, "L2 entry at " + hex(place) + " changed meanwhile");
      }
      store_be<uint64_t>(at, (raw & ~mask) | links[i].to);
      end = size_t{links[i].index} * step + 8;
    }
    CO_TRY(co_await write_l2_table(gate_, users_of(place), place, table.span(), begin, end));
  }
  co_return co_await gate_.barrier();
}

}  // namespace oxbow::format::qcow2
