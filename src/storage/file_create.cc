// Creating image files.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "storage/file_storage.h"

namespace oxbow::storage {
namespace {

/// Both are wishes: file systems without the notion say so, and nothing is lost.
void wish_for_layout(int fd, const FileCreateOptions& options) {
  if (options.nocow) {
    int attributes = 0;
    if (::ioctl(fd, FS_IOC_GETFLAGS, &attributes) == 0) {
      attributes |= FS_NOCOW_FL;
      (void)::ioctl(fd, FS_IOC_SETFLAGS, &attributes);
    }
  }
  if (options.extent_size_hint != 0) {
    struct fsxattr attributes = {};
    if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0) {
      attributes.fsx_xflags |= FS_XFLAG_EXTSIZE;
      attributes.fsx_extsize = options.extent_size_hint;
      (void)::ioctl(fd, FS_IOC_FSSETXATTR, &attributes);
    }
  }
}

Task<> check_device(const FileCreateOptions& options) {
  FileOptions open_options;
  open_options.path = options.path;
  open_options.driver = file_driver_for(options.path);
  open_options.writable = true;
  open_options.locking = options.locking;
  CO_TRY_ASSIGN(std::unique_ptr<Storage> device, co_await open_file(open_options));
  const uint64_t size = device->size();
  CO_TRY(co_await device->close());
  if (size < options.size) {
    co_return fail(ErrorKind::unsupported, "Cannot grow device files", ENOTSUP);
  }
  co_return {};
}

// So that trial reads with O_DIRECT meet a stored block, which tells the alignment that the
// device wants; holes accept any.
Task<> allocate_first_block(FileStorage& file, uint64_t size) {
  static constexpr std::array<std::byte, 4096> zeroes{};
  const iovec block =
      io_slice(std::span<const std::byte>(zeroes).first(std::min<uint64_t>(size, zeroes.size())));
  co_return co_await file.write(0, IoSpan(&block, 1));
}

}  // namespace

Task<> create_file(FileCreateOptions options) {
  if (file_driver_for(options.path) != "file") co_return co_await check_device(options);
  struct stat facts;
  if (::stat(options.path.c_str(), &facts) == 0 && S_ISFIFO(facts.st_mode)) {
    co_return std::unexpected(Error::from_errno(EINVAL, "Could not resize file"));
  }
  constexpr mode_t access = 0644;
  Descriptor fd(::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, access));
  if (!fd) {
    co_return std::unexpected(Error::from_errno(errno, "Could not create '" + options.path + "'"));
  }
  const int descriptor = fd.get();
  if (::fstat(descriptor, &facts) != 0) {
    co_return std::unexpected(Error::from_errno(errno, "Could not create '" + options.path + "'"));
  }
  FileOptions file_options;
  file_options.path = options.path;
  file_options.writable = true;
  file_options.locking = options.locking;
  FileStorage file(file_options, std::move(fd), static_cast<uint64_t>(facts.st_size), false);
  // Nobody may write, read consistently or resize what is about to be emptied.
  const LockSet locks = {.used = permission::write | permission::resize,
                         .unshared = permission::resize};
  CO_TRY(file.lock(locks));
  CO_TRY(co_await file.truncate(0));
  wish_for_layout(descriptor, options);
  // Not flushed: who creates an image writes and flushes what makes it one.
  CO_TRY(co_await file.truncate(options.size, options.preallocation));
  if (options.size == 0) co_return {};
  co_return co_await allocate_first_block(file, options.size);
}

}  // namespace oxbow::storage
