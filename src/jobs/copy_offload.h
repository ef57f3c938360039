// Copying without looking at the bytes: the kernel, or the file system by sharing blocks,
// moves what lies plainly in one file to its place in another.
#pragma once

#include "jobs/source_set.h"

namespace oxbow::jobs {

/// Whether bytes of `target` lie in its file at their guest offsets, so that nobody but the
/// file has to know of a copy.
bool can_take_offload(graph::Node& target);

/// Copies source bytes [offset, offset + length), inside one source, to the same place of
/// `target`. False, with nothing promised about the range, where they must be read and
/// written instead.
Task<bool> copy_by_offload(SourceSet& sources, graph::Node& target, uint64_t offset,
                           uint64_t length);

}  // namespace oxbow::jobs
