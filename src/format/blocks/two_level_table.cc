#include "format/blocks/two_level_table.h"

#include <algorithm>
#include <utility>

namespace oxbow::format {
namespace {

constexpr uint64_t entry_bytes = 8;
constexpr uint64_t most_bytes = 4 << 20;  // of second tables that are kept for later
constexpr uint64_t fewest_tables = 4;

}  // namespace

TwoLevelTable::TwoLevelTable(storage::Storage& file, TwoLevelLayout layout, CheckPlace check_place)
    : file_(file),
      layout_(layout),
      check_place_(std::move(check_place)),
      first_(file, {layout.offset, layout.tables, entry_bytes, layout.big_endian}) {}

// In use are those that somebody else holds, changed ones among them.
void TwoLevelTable::drop_some() {
  const uint64_t most = std::max(fewest_tables, most_bytes / (layout_.table_blocks * entry_bytes));
  for (size_t left = order_.size(); open_.size() >= most && left != 0; --left) {
    const uint64_t oldest = order_.front();
    order_.pop_front();
    if (open_.at(oldest).use_count() == 1) {
      open_.erase(oldest);
    } else {
      order_.push_back(oldest);
    }
  }
}

TwoLevelTable::Table TwoLevelTable::open_table(uint64_t offset) {
  if (const auto found = open_.find(offset); found != open_.end()) return found->second;
  drop_some();
  auto table = std::make_shared<EntryTable>(
      file_, EntryLayout{offset, layout_.table_blocks, entry_bytes, layout_.big_endian});
  open_.emplace(offset, table);
  order_.push_back(offset);
  return table;
}

// nullptr: there is none.
Task<TwoLevelTable::Table> TwoLevelTable::table_of(uint64_t block) {
  const uint64_t index = block / layout_.table_blocks;
  if (index >= layout_.tables) co_return nullptr;
  if (!first_.holds(index)) CO_TRY(co_await first_.load(index));
  const uint64_t offset = first_.get(index);
  if (offset == 0) co_return nullptr;
  CO_TRY(check_place_(offset));
  co_return open_table(offset);
}

Task<uint64_t> TwoLevelTable::get(uint64_t block) {
  CO_TRY_ASSIGN(const Table table, co_await table_of(block));
  if (!table) co_return 0;
  const uint64_t index = block % layout_.table_blocks;
  if (!table->holds(index)) CO_TRY(co_await table->load(index));
  co_return table->get(index);
}

Task<> TwoLevelTable::make_table(uint64_t block, const MakeRoom& make_room) {
  CO_TRY_ASSIGN(const Table table, co_await table_of(block));
  if (table) co_return {};
  CO_TRY_ASSIGN(const uint64_t offset, co_await make_room(layout_.table_blocks * entry_bytes));
  const uint64_t index = block / layout_.table_blocks;
  if (!first_.holds(index)) CO_TRY(co_await first_.load(index));
  first_.set(index, offset);
  co_return {};
}

Task<> TwoLevelTable::set(uint64_t block, uint64_t entry) {
  CO_TRY_ASSIGN(const Table table, co_await table_of(block));
  if (!table) co_return fail(ErrorKind::internal, "no table for a block that is to be linked");
  const uint64_t index = block % layout_.table_blocks;
  if (!table->holds(index)) CO_TRY(co_await table->load(index));
  table->set(index, entry);
  changed_.insert(table);
  co_return {};
}

Task<> TwoLevelTable::clear() {
  CO_TRY(co_await store());
  for (uint64_t index = 0; index < layout_.tables; ++index) {
    if (!first_.holds(index)) CO_TRY(co_await first_.load(index));
    if (first_.get(index) != 0) first_.set(index, 0);
  }
  open_.clear();
  order_.clear();
  co_return co_await store();
}

// The links to tables are taken with the changes of the tables: one that is
// made meanwhile is not on disk yet.
Task<> TwoLevelTable::store() {
  const std::vector<Table> tables(changed_.begin(), changed_.end());
  changed_.clear();
  std::vector<EntryTable::Changes> changes;
  changes.reserve(tables.size());
  for (const Table& table : tables) changes.push_back(table->take_changes());
  EntryTable::Changes links = first_.take_changes();
  Result<void> done = co_await file_.flush();
  for (size_t i = 0; i < tables.size(); ++i) {
    if (done) {
      done = co_await tables[i]->write(std::move(changes[i]));
    } else {
      tables[i]->put_back(changes[i]);
    }
    if (!done) changed_.insert(tables[i]);
  }
  if (done && !tables.empty()) done = co_await file_.flush();
  if (links.empty()) co_return done;
  if (!done) {
    first_.put_back(links);
    co_return done;
  }
  CO_TRY(co_await first_.write(std::move(links)));
  co_return co_await file_.flush();
}

}  // namespace oxbow::format
