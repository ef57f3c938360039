// Where an image's metadata lies, class by class, told from its tables: those in memory as they
// are now, the others from the file. The guard is built from this, falls back to it where its
// memory ends, and is compared with it in tests.
#pragma once

#include <functional>

#include "format/qcow2/header.h"
#include "format/qcow2/metadata_class.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

/// What an open image knows of its tables without asking the file.
class TablesInMemory {
 public:
  virtual ~TablesInMemory() = default;
  /// Entries of the active L1 table, flags and all.
  [[nodiscard]] virtual std::span<const uint64_t> l1_entries() const = 0;
  /// Host offsets of the refcount blocks, 0 for none.
  [[nodiscard]] virtual std::span<const uint64_t> refcount_blocks() const = 0;
};

/// Bytes of the file that hold metadata. Ranges of one class may meet or overlap.
using MetadataVisitor = std::function<void(Writes kind, uint64_t offset, uint64_t length)>;

/// Visits every range of the classes in `wanted`. What the file must tell comes first, what is
/// in memory last and without a pause, so that it is true when the task ends.
Task<> scan_metadata(storage::Source& file, const Header& header, const TablesInMemory& tables,
                     ClassMask wanted, const MetadataVisitor& visit);

}  // namespace oxbow::format::qcow2
