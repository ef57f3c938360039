// Exceptions and a failed allocation of a frame as errors.
#include "async/task.h"

#include <new>

namespace oxbow::async {

Error error_of_current_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return detail::no_memory_for_frame();
  } catch (const std::exception& exception) {
    return Error(ErrorKind::internal, exception.what());
  } catch (...) {
    return Error(ErrorKind::internal, "unknown exception");
  }
}

// The text fits the small-string buffer: no memory is needed to say there is none.
Error detail::no_memory_for_frame() { return Error(ErrorKind::out_of_memory, "out of memory"); }

}  // namespace oxbow::async
