// The log of a VHDX image: changes of its tables that were begun and may have been torn. Ours are
// made without it (an entry of the BAT lies inside one sector and is written behind a barrier),
// so it is only read: what another program left in it is done before anything else.
#pragma once

#include "async/task.h"
#include "format/vhdx/header.h"
#include "storage/storage.h"

namespace oxbow::format::vhdx {

/// Whether the log holds changes: a log without a whole sequence of entries has none.
Task<bool> log_needs_replay(storage::Source& file, const Header& header);
/// Does them, flushes, and says in both headers that the log is empty. A crash on the way leaves
/// the log as it was, to be done again.
Task<> replay_log(storage::Storage& file, Header& header);

}  // namespace oxbow::format::vhdx
