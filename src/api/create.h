// Creating images: the host file, and the format's beginning in it.
#pragma once

#include <oxbow/options.h>

#include "async/task.h"

namespace oxbow::api {

using async::Task;

/// Everything that can be refused is refused before the file is touched. A file that existed
/// is replaced; one whose creation failed half-way is removed. Errors are in the stock tools'
/// words.
Task<> create_image(CreateOptions options);

}  // namespace oxbow::api
