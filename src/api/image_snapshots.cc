// Internal snapshots through the public API.
#include <oxbow/image.h>
#include <sys/time.h>

#include "async/loop.h"
#include "base/result.h"
#include "format/qcow2/image.h"
#include "graph/node.h"

namespace oxbow {
namespace {

using format::qcow2::Qcow2Image;
using format::qcow2::SnapshotKey;

Result<Qcow2Image*> with_snapshots(const Image& image) {
  auto* format = dynamic_cast<Qcow2Image*>(&image.node()->format());
  if (format != nullptr) return format;
  return fail(
      ErrorKind::unsupported,
      image.filename() + ": images in the format '" + image.format() + "' have no snapshots",
      ENOTSUP);
}

}  // namespace

Result<void> Image::create_snapshot(const std::string& name) {
  TRY_ASSIGN(Qcow2Image * image, with_snapshots(*this));
  if (name.size() > UINT16_MAX) {
    return fail(ErrorKind::invalid_argument, "the snapshot's name is too long", EINVAL);
  }
  timeval now{};
  ::gettimeofday(&now, nullptr);
  format::qcow2::Snapshot snapshot;
  snapshot.name = name;
  snapshot.date_sec = static_cast<uint32_t>(now.tv_sec);
  snapshot.date_nsec = static_cast<uint32_t>(now.tv_usec) * 1000;
  snapshot.icount = 0;
  return async::Loop::current_thread().run(image->create_snapshot(std::move(snapshot)));
}

Result<void> Image::view_snapshot(const std::string& id) {
  TRY_ASSIGN(Qcow2Image * image, with_snapshots(*this));
  return async::Loop::current_thread().run(image->view_snapshot(id));
}

Result<void> Image::delete_snapshot(const std::string& name) {
  TRY_ASSIGN(Qcow2Image * image, with_snapshots(*this));
  return async::Loop::current_thread().run(image->delete_snapshot(name, SnapshotKey::name));
}

Result<void> Image::apply_snapshot(const std::string& name_or_id) {
  TRY_ASSIGN(Qcow2Image * image, with_snapshots(*this));
  return async::Loop::current_thread().run(
      image->apply_snapshot(name_or_id, SnapshotKey::name_or_id));
}

}  // namespace oxbow
