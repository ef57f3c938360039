// The L2 tables of all trees, each once, however many trees share it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/qcow2/l2_table_write.h"

namespace oxbow::format::qcow2 {

struct L2Table {
  uint64_t offset = 0;      ///< host bytes
  uint64_t l1_index = 0;    ///< of a tree that names it
  uint64_t references = 0;  ///< L1 entries that name it
  TableUsers users;
};

class L2Tables {
 public:
  /// `l1`: of one tree.
  void add(std::span<const uint64_t> l1, bool active);
  /// All that were added, by their place in the file.
  [[nodiscard]] std::vector<L2Table> take();

 private:
  std::vector<L2Table> tables_;
};

}  // namespace oxbow::format::qcow2
