#include "format/vmdk/grain_tables.h"

#include "base/buffer.h"
#include "base/bytes.h"

namespace oxbow::format::vmdk {
namespace {

constexpr size_t max_tables = 1024;  // in memory: 2 MiB, of ESX files 16 MiB
constexpr size_t max_dirty = 128;

Task<std::vector<uint32_t>> read_numbers(storage::Source& file, uint64_t offset, size_t count) {
  std::vector<uint32_t> numbers(count);
  if (count == 0) co_return numbers;
  const iovec into = io_slice(numbers.data(), count * sizeof(uint32_t));
  CO_TRY(co_await file.read(offset, IoSpan(&into, 1)));
  for (uint32_t& number : numbers) number = load_le<uint32_t>(&number);
  co_return numbers;
}

Task<> write_numbers(storage::Storage& file, uint64_t offset,
                     const std::vector<uint32_t>& numbers) {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(numbers.size() * sizeof(uint32_t)));
  for (size_t i = 0; i < numbers.size(); ++i) store_le(bytes.data() + i * 4, numbers[i]);
  const iovec from = io_slice(bytes.span());
  co_return co_await file.write(offset, IoSpan(&from, 1));
}

}  // namespace

Task<std::unique_ptr<GrainTables>> GrainTables::load(storage::Storage& file,
                                                     const SparseHeader& header) {
  std::unique_ptr<GrainTables> out(new GrainTables(file, header));
  const uint64_t count = header.directory_entries();
  CO_TRY_ASSIGN(out->directory_, co_await read_numbers(file, header.directory, count));
  if (header.backup_directory != 0) {
    CO_TRY_ASSIGN(out->backup_, co_await read_numbers(file, header.backup_directory, count));
  }
  co_return out;
}

// The pointer is good until the caller waits again.
Task<GrainTables::Table*> GrainTables::table(uint64_t index) {
  if (const auto found = tables_.find(index); found != tables_.end()) co_return found->second.get();
  CO_TRY_ASSIGN(auto lock, co_await load_.lock());
  if (const auto found = tables_.find(index); found != tables_.end()) co_return found->second.get();
  auto fresh = std::make_unique<Table>();
  const uint64_t place = uint64_t{directory_[index]} * sector;
  CO_TRY_ASSIGN(fresh->entries, co_await read_numbers(file_, place, entries_));
  make_room();
  Table* out = fresh.get();
  tables_.emplace(index, std::move(fresh));
  co_return out;
}

void GrainTables::make_room() {
  if (tables_.size() < max_tables) return;
  std::erase_if(tables_, [](const auto& one) { return !one.second->dirty; });
}

Task<uint32_t> GrainTables::entry(uint64_t index) {
  const uint64_t number = index / entries_;
  if (number >= directory_.size() || directory_[number] == 0) co_return 0;
  CO_TRY_ASSIGN(const Table* found, co_await table(number));
  co_return found->entries[index % entries_];
}

Task<> GrainTables::set_entry(uint64_t index, uint32_t sector_number) {
  const uint64_t number = index / entries_;
  if (number >= directory_.size() || directory_[number] == 0) {
    co_return fail(
        ErrorKind::io,
        file_.filename() + ": there is no grain table for grain " + std::to_string(index), EIO);
  }
  CO_TRY_ASSIGN(Table * found, co_await table(number));
  found->entries[index % entries_] = sector_number;
  ++found->changes;
  if (!found->dirty) ++dirty_;
  found->dirty = true;
  if (dirty_ >= max_dirty) co_return co_await flush();
  co_return {};
}

// Crash order: the grains, a barrier, then the tables, the copies first. Whatever of the tables is
// lost leaves grains that nothing points at.
Task<> GrainTables::flush() {
  CO_TRY_ASSIGN(auto lock, co_await flush_.lock());
  // What is linked from now on may point at grains that the barrier below does not cover.
  std::vector<Snapshot> changed;
  for (const auto& [index, one] : tables_) {
    if (one->dirty) changed.push_back({index, one->entries, one->changes});
  }
  CO_TRY(co_await file_.flush());
  if (changed.empty()) co_return {};
  for (const Snapshot& one : changed) CO_TRY(co_await write_table(one));
  CO_TRY(co_await file_.flush());
  for (const Snapshot& one : changed) {
    Table& now = *tables_.at(one.index);
    if (now.changes != one.changes) continue;
    now.dirty = false;
    --dirty_;
  }
  co_return {};
}

Task<> GrainTables::write_table(const Snapshot& table) {
  if (!backup_.empty() && backup_[table.index] != 0) {
    CO_TRY(co_await write_numbers(file_, uint64_t{backup_[table.index]} * sector, table.entries));
  }
  co_return co_await write_numbers(file_, uint64_t{directory_[table.index]} * sector,
                                   table.entries);
}

}  // namespace oxbow::format::vmdk
