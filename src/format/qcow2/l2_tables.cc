#include "format/qcow2/l2_tables.h"

#include <algorithm>

#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

void L2Tables::add(std::span<const uint64_t> l1, bool active) {
  for (size_t i = 0; i < l1.size(); ++i) {
    const uint64_t offset = l1[i] & l1_offset_mask;
    if (offset != 0) tables_.push_back({offset, i, 1, {active, !active}});
  }
  // Snapshots share most of their tables: what is known already need not be kept.
  std::ranges::sort(tables_, {}, &L2Table::offset);
  size_t kept = 0;
  for (size_t i = 1; i < tables_.size(); ++i) {
    if (tables_[i].offset != tables_[kept].offset) {
      tables_[++kept] = tables_[i];
      continue;
    }
    tables_[kept].references += tables_[i].references;
    tables_[kept].users.active |= tables_[i].users.active;
    tables_[kept].users.inactive |= tables_[i].users.inactive;
  }
  if (!tables_.empty()) tables_.resize(kept + 1);
}

std::vector<L2Table> L2Tables::take() { return std::move(tables_); }

}  // namespace oxbow::format::qcow2
