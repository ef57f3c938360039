// Breakpoints of the fault driver.
#include <oxbow/image.h>

#include "base/result.h"
#include "graph/node.h"
#include "storage/storage.h"

namespace oxbow {
namespace {

storage::FaultControl* fault_driver(const Image& image) {
  return image.node()->format().file().fault_control();
}

std::unexpected<Error> no_fault_driver(const Image& image) {
  return fail(ErrorKind::unsupported, "'" + image.filename() + "' is not over the fault driver",
              ENOTSUP);
}

}  // namespace

Result<void> Image::add_breakpoint(const std::string& event, const std::string& tag) {
  storage::FaultControl* driver = fault_driver(*this);
  return driver != nullptr ? driver->add_break(event, tag) : no_fault_driver(*this);
}

Result<void> Image::remove_breakpoint(const std::string& tag) {
  storage::FaultControl* driver = fault_driver(*this);
  return driver != nullptr ? driver->remove_break(tag) : no_fault_driver(*this);
}

Result<void> Image::resume_breakpoint(const std::string& tag) {
  storage::FaultControl* driver = fault_driver(*this);
  return driver != nullptr ? driver->resume(tag) : no_fault_driver(*this);
}

bool Image::is_suspended(const std::string& tag) const {
  const storage::FaultControl* driver = fault_driver(*this);
  return driver != nullptr && driver->is_suspended(tag);
}

}  // namespace oxbow
