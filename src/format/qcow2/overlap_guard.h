// The overlap guard: says of every write whether it would land on metadata of another kind.
// Answers from an index in memory, built at the first write; where the index had to drop a
// range for want of memory, from the tables themselves. docs/overlap-guard.md explains it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/sync.h"
#include "format/qcow2/metadata_index.h"
#include "format/qcow2/metadata_scan.h"

namespace oxbow::format::qcow2 {

struct GuardOptions {
  ClassMask checked = every_class;
  /// Bytes for the index; without it, what is sane for the file's size.
  std::optional<uint64_t> memory_limit;
  /// Where memory ends, so does protection (the behaviour of the original proposal).
  bool unprotected_when_full = false;
};

/// What a write would have destroyed.
struct Overlap {
  uint64_t offset = 0;  ///< of the first cluster in the way
  ClassMask classes = 0;
};

/// The index dropped this range of the file; without a length, all from `start` on.
struct MemoryLimitReached {
  uint64_t start = 0;
  std::optional<uint64_t> length;
};

class OverlapGuard {
 public:
  using OnMemoryLimit = std::function<void(const MemoryLimitReached&)>;
  OverlapGuard(storage::Source& file, const Header& header, const TablesInMemory& tables,
               GuardOptions options, OnMemoryLimit on_memory_limit);

  [[nodiscard]] bool enabled() const { return options_.checked != 0; }

  /// A quick yes for data in one cluster; otherwise allows() says more.
  [[nodiscard]] bool surely_free(uint64_t cluster) const {
    return built_ && index_.surely_free(cluster);
  }
  /// Data may go where there is no metadata, metadata only where its own class is and no
  /// other. True: the write is fine. False: ask() has the answer.
  [[nodiscard]] bool allows(Writes what, uint64_t offset, uint64_t length) const {
    // The header's cluster is the header's, whatever else claims it: no reason to look.
    if (!built_) return options_.checked == 0 || what == Writes::main_header;
    const Clusters in = clusters_of(offset, length);
    if (what != Writes::data) return belongs_to(what, in);
    return index_.find(in.first, in.last, options_.checked).what ==
           MetadataIndex::Found::What::nothing;
  }
  /// The same from wherever it must come; nothing where the write is fine. `classes` of the
  /// answer without any but the written class: the place does not belong to that.
  Task<std::optional<Overlap>> ask(Writes what, uint64_t offset, uint64_t length);
  /// Before the first enter(): fills the index from the tables.
  Task<> ensure_built();

  /// Bytes [offset, offset + length) become metadata, or are no longer. Of leave() before the
  /// index is built nothing is to be remembered: it is built from what is true then.
  void enter(Writes kind, uint64_t offset, uint64_t length);
  void leave(Writes kind, uint64_t offset, uint64_t length);
  [[nodiscard]] bool knows_active_l2(uint64_t offset) const {
    return (index_.classes_of(offset >> cluster_bits_) & class_bit(Writes::active_l2)) != 0;
  }
  /// Those that the index knows of.
  [[nodiscard]] ClassMask classes_at(uint64_t offset) const {
    return index_.classes_of(offset >> cluster_bits_);
  }
  /// False where memory did not suffice for all of the file.
  [[nodiscard]] bool complete() const { return index_.complete(); }
  /// The file grew: so does the limit, if nobody set one.
  void adapt_limit();

  [[nodiscard]] uint64_t memory_bytes() const { return index_.bytes(); }
  /// For tests: what the index says and a fresh scan does not, or the other way round; empty
  /// where they agree.
  Task<std::string> difference_from_scan();

 private:
  struct Clusters {
    uint64_t first;
    uint64_t last;
  };
  [[nodiscard]] Clusters clusters_of(uint64_t offset, uint64_t length) const {
    return {offset >> cluster_bits_, (offset + length - 1) >> cluster_bits_};
  }
  [[nodiscard]] bool belongs_to(Writes kind, Clusters clusters) const;
  void on_lost(uint64_t first, uint64_t count);
  Task<std::optional<Overlap>> find_foreign(ClassMask wanted, Clusters in);
  Task<std::optional<Overlap>> find_unowned(Writes what, Clusters in);
  Task<std::optional<Overlap>> ask_tables(ClassMask wanted, Clusters clusters);

  storage::Source& file_;
  const Header& header_;
  const TablesInMemory& tables_;
  GuardOptions options_;
  OnMemoryLimit on_memory_limit_;
  unsigned cluster_bits_;
  bool built_ = false;
  async::Mutex building_;
  MetadataIndex index_;
};

}  // namespace oxbow::format::qcow2
