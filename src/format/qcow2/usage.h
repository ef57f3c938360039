// Who holds which part of an image's file: what deleting a snapshot or a bitmap
// would free, and what it has in common with others. Reads only, and tables
// that are shared once for all.
#pragma once

#include <oxbow/usage.h>

#include "format/qcow2/header.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

using async::Task;

/// Fills in what the tables say. All must be on disk. Memory: two bits a
/// cluster of the file, two bytes where clusters are shared, and 16 bytes for
/// each L2 table that is. Fails with corrupt where a check finds errors in the
/// tables.
Task<> measure_usage(storage::Source& file, const Header& header, LayerUsage& usage);

}  // namespace oxbow::format::qcow2
