#include "storage/file_extents.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace oxbow::storage {

FileExtents::Extent FileExtents::find(int fd, uint64_t offset) {
  if (offset < last_.start || offset >= last_.end) last_ = seek(fd, offset);
  return {offset, last_.end, last_.data};
}

FileExtents::Extent FileExtents::seek(int fd, uint64_t offset) const {
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    // ENXIO: no data from here to the end. Else the file system has no answer.
    return {offset, UINT64_MAX, errno != ENXIO};
  }
  if (static_cast<uint64_t>(data) > offset) return {offset, static_cast<uint64_t>(data), false};
  const off_t hole = ::lseek(fd, static_cast<off_t>(offset), SEEK_HOLE);
  // A hole at once contradicts SEEK_DATA: the file changed in between. Data is the
  // answer that is always safe.
  if (hole < 0 || static_cast<uint64_t>(hole) <= offset) return {offset, offset + 1, true};
  return {offset, static_cast<uint64_t>(hole), true};
}

}  // namespace oxbow::storage
