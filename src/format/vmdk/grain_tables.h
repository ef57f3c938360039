// Where the grains of one sparse file lie: its directory in memory, its tables as they are asked
// for. Changes stay in memory until flush(), which writes them after the grains they point at.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "async/sync.h"
#include "format/vmdk/header.h"

namespace oxbow::format::vmdk {

class GrainTables {
 public:
  /// `file` must outlive this.
  static Task<std::unique_ptr<GrainTables>> load(storage::Storage& file,
                                                 const SparseHeader& header);

  /// The sector where grain `index` lies; 0: nowhere. Also 0 behind the last one.
  Task<uint32_t> entry(uint64_t index);
  /// How many grains from `index` on stand in one table.
  [[nodiscard]] uint64_t left_in_table(uint64_t index) const { return entries_ - index % entries_; }
  /// io where the grain has no table.
  Task<> set_entry(uint64_t index, uint32_t sector_number);
  /// Everything written before the call, and what points at it, is on stable media after it.
  Task<> flush();

 private:
  struct Table {
    std::vector<uint32_t> entries;
    bool dirty = false;
    uint64_t changes = 0;  // how many there were
  };
  // What is being written while the table itself may change again.
  struct Snapshot {
    uint64_t index;
    std::vector<uint32_t> entries;
    uint64_t changes;
  };
  using Directory = std::vector<uint32_t>;

  GrainTables(storage::Storage& file, const SparseHeader& header)
      : file_(file), entries_(header.table_entries) {}

  Task<Table*> table(uint64_t index);
  Task<> write_table(const Snapshot& table);
  void make_room();

  storage::Storage& file_;
  uint32_t entries_;
  Directory directory_;  // sector of each table; 0: there is none
  Directory backup_;     // of each table's copy; empty: there are none
  std::unordered_map<uint64_t, std::unique_ptr<Table>> tables_;
  size_t dirty_ = 0;
  async::Mutex load_;
  async::Mutex flush_;
};

}  // namespace oxbow::format::vmdk
