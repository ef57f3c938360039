// The whole header of an open image made anew: fields, extensions and backing name together,
// brought into force by one write inside its first sector, so that a crash leaves the old header
// or the new one. For what must change at one moment: a backing file's name and its format.
#pragma once

#include <string>
#include <vector>

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

struct HeaderParts {
  std::vector<std::byte> fields;  ///< before the extensions; those of the name are filled in
  std::vector<UnknownExtension> extensions;  ///< of every type, in order
  std::string backing_name;                  ///< empty: none

  /// The first extension of this type holds `data`, before all others where it is new.
  void put(uint32_t type, std::span<const std::byte> data);
  void drop(uint32_t type);
};

Task<HeaderParts> read_header_parts(storage::Source& file, const Header& header);

/// On disk, with a barrier, when this ends; a failure leaves the header as
/// Gate::switch_header() does. What is to be true of the file then is on disk before. no_space
/// where the first cluster has no room. Only where it has none for the old and the new name
/// side by side (clusters below 4 KiB), more than one sector is written at once.
Task<> write_header_parts(Gate& gate, const Header& header, HeaderParts parts);

}  // namespace oxbow::format::qcow2
