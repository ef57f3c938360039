// Entries that say "reads as zeroes" turned into what version 2 can say: nothing, where nothing
// lies below, or else a cluster full of zeroes. Nobody else is at work.
#pragma once

#include <vector>

#include "format/qcow2/amend.h"
#include "format/qcow2/encryption.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/l2_tables.h"
#include "format/qcow2/refcounts.h"

namespace oxbow::format::qcow2 {

class ZeroExpansion {
 public:
  struct Parts {
    Gate& gate;
    const Header& header;
    Refcounts& refcounts;
    Encryption* encryption;  ///< nullptr: data is stored as it is
  };
  explicit ZeroExpansion(Parts parts)
      : gate_(parts.gate),
        header_(parts.header),
        refcounts_(parts.refcounts),
        encryption_(parts.encryption),
        has_backing_(!parts.header.backing_file.empty()) {}

  /// Every guest byte reads as before at any moment, whichever tree it is read from. On disk when
  /// this ends, but for counts that are to be lowered. What is in a cache must be on disk before,
  /// and is outdated after.
  Task<> run(std::span<const L2Table> tables, const AmendProgress& progress);

 private:
  // A table with its entries changed in memory.
  struct Changed {
    const L2Table* table;
    std::vector<std::byte> bytes;
  };

  Task<> expand(const L2Table& table, std::span<const std::byte> bytes);
  Task<> check_references(const L2Table& table);
  Task<> provide(Changed& changed, std::span<const uint32_t> entries);
  Task<bool> keeps_cluster(const L2Table& table, uint64_t host);
  Task<> write_zeroes(const L2Table& table, uint32_t entry, uint64_t host, uint64_t count);
  Task<> store();
  [[nodiscard]] uint64_t guest_offset(const L2Table& table, uint32_t entry) const {
    return (table.l1_index * header_.l2_entries() + entry) << header_.cluster_bits;
  }

  Gate& gate_;
  const Header& header_;
  Refcounts& refcounts_;
  Encryption* encryption_;
  bool has_backing_;
  std::vector<Changed> changed_;
  std::vector<Release> unlinked_;
};

}  // namespace oxbow::format::qcow2
