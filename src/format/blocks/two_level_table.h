// Where blocks lie, by two levels of tables: an entry of the first says where a
// table of the second begins, and its entries are the blocks'. Tables are read
// when they are asked for, changed in memory, and written when what they point
// at is on disk.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "format/blocks/entry_table.h"

namespace oxbow::format {

struct TwoLevelLayout {
  uint64_t offset = 0;        ///< of the first table
  uint64_t tables = 0;        ///< its entries
  uint64_t table_blocks = 0;  ///< entries of each second table
  bool big_endian = false;
};

class TwoLevelTable {
 public:
  /// Says what is wrong with a place that the first table gives.
  using CheckPlace = std::function<Result<void>(uint64_t offset)>;
  /// Gives that many bytes at the file's end, zeroes.
  using MakeRoom = std::function<Task<uint64_t>(uint64_t bytes)>;

  TwoLevelTable(storage::Storage& file, TwoLevelLayout layout, CheckPlace check_place);

  [[nodiscard]] EntryTable& first() { return first_; }
  /// 0, too, where there is no table for the block.
  Task<uint64_t> get(uint64_t block);
  /// Makes the table that set() will change; one call at a time.
  Task<> make_table(uint64_t block, const MakeRoom& make_room);
  Task<> set(uint64_t block, uint64_t entry);
  /// All entries become 0, on the disk, too; nothing else is under way.
  Task<> clear();
  /// What changed goes to the disk, behind a barrier: first the second tables,
  /// then what points at them. A crash leaves room that nothing refers to. One
  /// call at a time.
  Task<> store();
  /// Pages that hold what is not on disk, about.
  [[nodiscard]] size_t changed_pages() const { return changed_.size() + first_.changed_pages(); }

 private:
  using Table = std::shared_ptr<EntryTable>;

  Task<Table> table_of(uint64_t block);
  Table open_table(uint64_t offset);
  void drop_some();

  storage::Storage& file_;
  TwoLevelLayout layout_;
  CheckPlace check_place_;
  EntryTable first_;
  std::unordered_map<uint64_t, Table> open_;  // by their place
  std::unordered_set<Table> changed_;         // those of them that are to be stored
  std::deque<uint64_t> order_;                // of opening; the oldest go first
};

}  // namespace oxbow::format
