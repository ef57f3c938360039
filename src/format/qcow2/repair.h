// Setting refcounts right from what the tables say: what an image needs whose writer kept
// them lazily and did not close it.
#pragma once

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// Rewrites every refcount that differs from the references there are, and adds what refcount
/// blocks are missing; then a barrier. `header` changes where the refcount table moves.
/// corrupt, with nothing written, where the tables themselves are damaged.
Task<> repair_refcounts(Gate& gate, Header& header);

}  // namespace oxbow::format::qcow2
