// Finding the entries that refer to clusters of a part of the file, whichever
// tree they are in; each L2 table is read once, however many trees share it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/qcow2/header.h"
#include "format/qcow2/snapshot_table.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

/// A cluster and its new place; `references` are to be switched.
struct Move {
  uint64_t from;  ///< clusters
  uint64_t to;
  uint64_t references;
};

/// An L1 entry that names an L2 table.
struct TableLink {
  uint64_t table;  ///< its cluster
  uint32_t tree;   ///< 0: the active one; else 1 + the snapshot's place in the list
  uint32_t index;  ///< L1 entry
  uint64_t to = 0;
};

/// An L2 entry that names data.
struct DataLink {
  uint64_t table;    ///< host offset of the L2 table
  uint64_t from;     ///< host offset of what it names; of compressed data: of its
                     ///< first byte
  uint64_t to = 0;   ///< the same, where it will be
  uint32_t index;    ///< entry
  uint32_t sectors;  ///< of compressed data; 0: a plain cluster
};

/// Whose entries are looked for: clusters [first, end).
struct EntryQuery {
  uint64_t first = 0;
  uint64_t end = 0;
  bool compressed = false;  ///< compressed data instead of plain clusters
};

class EntryFinder {
 public:
  EntryFinder(storage::Source& file, const Header& header, std::span<const uint64_t> active_l1,
              std::span<const Snapshot> snapshots)
      : file_(file), header_(header), active_l1_(active_l1), snapshots_(snapshots) {}

  /// Entries kept in memory at once.
  static constexpr size_t most = 1 << 20;

  /// In the order of trees and entries. Nothing where there are more than
  /// `most`.
  Task<std::optional<std::vector<TableLink>>> tables(EntryQuery query);
  Task<std::optional<std::vector<DataLink>>> data(EntryQuery query);

 private:
  template <class Visit>
  Task<> for_each_l1(Visit& visit);

  storage::Source& file_;
  const Header& header_;
  std::span<const uint64_t> active_l1_;
  std::span<const Snapshot> snapshots_;
};

}  // namespace oxbow::format::qcow2
