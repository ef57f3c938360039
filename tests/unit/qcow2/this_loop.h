// The event loop that a test runs its tasks on.
#pragma once

#include "async/loop.h"

namespace oxbow::testing {

inline async::Loop& loop() { return async::Loop::current_thread(); }

}  // namespace oxbow::testing
