#include "format/qcow2/zero_expansion.h"

#include <algorithm>

#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr size_t stored_at_once = 4 << 20;  // bytes of tables

}  // namespace

// Each table is written when what its new entries name is on disk and counted; what they named
// before is given back when they are.
Task<> ZeroExpansion::run(std::span<const L2Table> tables, const AmendProgress& progress) {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(header_.cluster_size()));
  for (size_t i = 0; i < tables.size(); ++i) {
    if (progress) progress(i, tables.size());
    CO_TRY(co_await read_bytes(gate_.file(), tables[i].offset, bytes.span()));
    CO_TRY(co_await expand(tables[i], bytes.span()));
    if (changed_.size() * header_.cluster_size() >= stored_at_once) CO_TRY(co_await store());
  }
  co_return co_await store();
}

Task<> ZeroExpansion::expand(const L2Table& table, std::span<const std::byte> bytes) {
  Changed changed{&table, {}};
  std::vector<uint32_t> without_cluster;
  for (uint32_t i = 0; i < header_.l2_entries(); ++i) {
    const L2Entry entry{load_be<uint64_t>(bytes.data() + size_t{i} * 8), 0};
    if (is_compressed(entry) || (entry.raw & l2_zero_flag) == 0) continue;
    if (changed.bytes.empty()) changed.bytes.assign(bytes.begin(), bytes.end());
    const uint64_t host = host_cluster(entry);
    bool kept = false;
    if (host != 0) {
      CO_TRY_ASSIGN(kept, co_await keeps_cluster(table, host));
    }
    uint64_t now = 0;
    if (kept) {
      CO_TRY(co_await write_zeroes(table, i, host, 1));
      now = entry.raw & ~l2_zero_flag;
    } else {
      if (host != 0 || has_backing_) without_cluster.push_back(i);
      for (uint64_t k = 0; host != 0 && k < table.references; ++k) {
        unlinked_.push_back({Writes::data, host >> header_.cluster_bits, 1});
      }
    }
    store_be<uint64_t>(changed.bytes.data() + size_t{i} * 8, now);
  }
  if (changed.bytes.empty()) co_return {};
  CO_TRY(co_await check_references(table));
  CO_TRY(co_await provide(changed, without_cluster));
  changed_.push_back(std::move(changed));
  co_return {};
}

// Clusters of the table get as many references as it has: that must be true.
Task<> ZeroExpansion::check_references(const L2Table& table) {
  const uint64_t cluster = table.offset >> header_.cluster_bits;
  CO_TRY_ASSIGN(const uint64_t count, co_await refcounts_.refcount(cluster));
  if (count == table.references) co_return {};
  co_return fail(ErrorKind::corrupt,
                 gate_.file().filename() + ": the refcount of the L2 table at " +
                     hex(table.offset) + " is wrong; run a check first",
                 EIO);
}

// Whether the cluster may be filled with zeroes where it is: another entry may name it, and show
// what it holds.
Task<bool> ZeroExpansion::keeps_cluster(const L2Table& table, uint64_t host) {
  if (table.references != 1) co_return false;
  CO_TRY_ASSIGN(const uint64_t count, co_await refcounts_.refcount(host >> header_.cluster_bits));
  co_return count == 1;
}

// New clusters for these entries of the table, as many references each as the table has.
Task<> ZeroExpansion::provide(Changed& changed, std::span<const uint32_t> entries) {
  if (entries.empty()) co_return {};
  const L2Table& table = *changed.table;
  CO_TRY_ASSIGN(const uint64_t first, co_await refcounts_.allocate(Writes::data, entries.size()));
  if (encryption_ == nullptr) {
    CO_TRY(co_await write_zeroes(table, entries[0], first, entries.size()));
  }
  const uint64_t flag = table.users.active && table.references == 1 ? copied_flag : 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const uint64_t host = first + (uint64_t{i} << header_.cluster_bits);
    if (encryption_ != nullptr) CO_TRY(co_await write_zeroes(table, entries[i], host, 1));
    store_be<uint64_t>(changed.bytes.data() + size_t{entries[i]} * 8, host | flag);
  }
  for (uint64_t k = 1; k < table.references; ++k) {
    uint64_t raised = 0;
    CO_TRY(
        co_await refcounts_.add_references(first >> header_.cluster_bits, entries.size(), raised));
  }
  co_return {};
}

// `count` clusters from `host` on; of an encrypted image one, as the guest's `entry` names it.
Task<> ZeroExpansion::write_zeroes(const L2Table& table, uint32_t entry, uint64_t host,
                                   uint64_t count) {
  const uint64_t length = count << header_.cluster_bits;
  HeldRanges::Hold held = gate_.hold_data(host, length);
  Result<void> written;
  if (encryption_ == nullptr) {
    written = co_await gate_.write_zeroes(Writes::data, host, length, {});
  } else {
    CO_TRY_ASSIGN(const Buffer zeroes, Buffer::allocate_zeroed(length));
    const iovec from = io_slice(zeroes.span());
    written = co_await encryption_->write({host, guest_offset(table, entry)}, IoSpan(&from, 1));
  }
  gate_.end_data(held);
  co_return written;
}

Task<> ZeroExpansion::store() {
  if (changed_.empty()) co_return {};
  CO_TRY(co_await refcounts_.write_back());
  CO_TRY(co_await gate_.barrier());
  for (const Changed& changed : changed_) {
    CO_TRY(co_await write_l2_table(gate_, changed.table->users, changed.table->offset,
                                   changed.bytes, 0, changed.bytes.size()));
  }
  CO_TRY(co_await gate_.barrier());
  changed_.clear();
  const std::vector<Release> unlinked = std::exchange(unlinked_, {});
  co_return co_await refcounts_.apply(unlinked);
}

}  // namespace oxbow::format::qcow2
