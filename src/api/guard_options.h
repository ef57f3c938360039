// The overlap guard's options: which metadata it protects, and with how much memory.
#pragma once

#include "api/option_tree.h"
#include "format/qcow2/overlap_guard.h"

namespace oxbow::api {

/// Takes overlap-check, overlap-check.*, overlap-structures.* and overlap-degrade out of
/// `tree`. Everything is checked where they do not say otherwise.
Result<format::qcow2::GuardOptions> take_guard_options(OptionTree& tree);

}  // namespace oxbow::api
