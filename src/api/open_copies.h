// Storage drivers with several children.
#pragma once

#include "api/open_storage.h"

namespace oxbow::api {

/// "blkverify": children "raw" and "test".
Task<OpenedStorage> open_verify(StorageRequest request);
/// "quorum": children "children.0", "children.1", ...
Task<OpenedStorage> open_quorum(StorageRequest request);

}  // namespace oxbow::api
