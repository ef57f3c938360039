// Compacting through the public API.
#include <oxbow/jobs.h>

#include "async/loop.h"
#include "base/result.h"
#include "format/qcow2/image.h"
#include "graph/node.h"

namespace oxbow {

Result<CompactResult> compact(Image& image, const CompactOptions& options) {
  auto* format = dynamic_cast<format::qcow2::Qcow2Image*>(&image.node()->format());
  if (format == nullptr) {
    return fail(
        ErrorKind::unsupported,
        image.filename() + ": images in the format '" + image.format() + "' cannot be compacted",
        ENOTSUP);
  }
  return async::Loop::current_thread().run(format->compact(options));
}

}  // namespace oxbow
