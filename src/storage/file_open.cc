// Opening: what the path may be, the flags of the cache mode, alignment, locks.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

#include "storage/file_direct.h"

namespace oxbow::storage {
namespace {

bool bypasses_page_cache(CacheMode mode) {
  return mode == CacheMode::none || mode == CacheMode::directsync;
}

bool is_device(mode_t mode) { return S_ISBLK(mode) || S_ISCHR(mode); }

std::unexpected<Error> could_not_open(const std::string& path, int os_error) {
  return std::unexpected(Error::from_errno(os_error, "Could not open '" + path + "'"));
}

Result<void> check_options(const FileOptions& options) {
  if (options.path.empty()) {
    return fail(ErrorKind::invalid_argument,
                "The '" + options.driver + "' block driver requires a file name");
  }
  if (!options.aio.empty() && options.aio != "threads" && options.aio != "native" &&
      options.aio != "io_uring") {
    return fail(ErrorKind::invalid_argument, "invalid parameter value: " + options.aio);
  }
  if (options.aio == "native" && !bypasses_page_cache(options.cache)) {
    return fail(ErrorKind::invalid_argument,
                "aio=native was specified, but it requires cache.direct=on, which was not "
                "specified.");
  }
  if (options.force_share && options.writable) {
    return fail(ErrorKind::invalid_argument,
                "force-share=on can only be used with read-only images");
  }
  return {};
}

/// What is at the path, told before open(2): a FIFO would block it.
Result<void> check_kind(const FileOptions& options) {
  struct stat facts;
  if (::stat(options.path.c_str(), &facts) != 0) return could_not_open(options.path, errno);
  if (S_ISSOCK(facts.st_mode)) return could_not_open(options.path, ENXIO);
  if (S_ISDIR(facts.st_mode) && options.writable) return could_not_open(options.path, EISDIR);
  if (options.driver == "file" && !S_ISREG(facts.st_mode)) {
    return fail(ErrorKind::invalid_argument,
                "'file' driver requires '" + options.path + "' to be a regular file");
  }
  if (options.driver != "file" && !is_device(facts.st_mode)) {
    return fail(ErrorKind::invalid_argument, "'" + options.driver + "' driver requires '" +
                                                 options.path +
                                                 "' to be either a character or block device");
  }
  return {};
}

Result<Descriptor> open_descriptor(const FileOptions& options) {
  int flags = O_CLOEXEC | (options.writable ? O_RDWR : O_RDONLY);
  if (options.driver == "host_cdrom") flags |= O_NONBLOCK;  // opens without a medium
  if (bypasses_page_cache(options.cache)) flags |= O_DIRECT;
  Descriptor fd(::open(options.path.c_str(), flags));
  if (fd) return fd;
  if (errno == EINVAL && (flags & O_DIRECT) != 0) {
    return fail(ErrorKind::unsupported,
                "Could not open '" + options.path + "': filesystem does not support O_DIRECT",
                EINVAL);
  }
  return could_not_open(options.path, errno);
}

Result<void> check_device_writable(const FileOptions& options, int fd) {
  int read_only = 0;
  if (!options.writable || ::ioctl(fd, BLKROGET, &read_only) != 0 || read_only == 0) return {};
  return std::unexpected(Error::from_errno(EACCES, "The device is not writable"));
}

Result<uint64_t> length_of(int fd, const struct stat& facts) {
  if (S_ISREG(facts.st_mode)) return static_cast<uint64_t>(facts.st_size);
  uint64_t bytes = 0;
  if (S_ISBLK(facts.st_mode) && ::ioctl(fd, BLKGETSIZE64, &bytes) == 0) return bytes;
  const off_t end = ::lseek(fd, 0, SEEK_END);
  if (end >= 0) return static_cast<uint64_t>(end);
  return std::unexpected(Error::from_errno(errno, "Could not refresh total sector count"));
}

}  // namespace

std::string file_driver_for(const std::string& path) {
  struct stat facts;
  if (::stat(path.c_str(), &facts) != 0 || !is_device(facts.st_mode)) return "file";
  return path.starts_with("/dev/cd") ? "host_cdrom" : "host_device";
}

Task<std::unique_ptr<Storage>> open_file(FileOptions options) {
  CO_TRY(check_options(options));
  CO_TRY(check_kind(options));
  CO_TRY_ASSIGN(Descriptor fd, open_descriptor(options));
  struct stat facts;
  if (::fstat(fd.get(), &facts) != 0) co_return could_not_open(options.path, errno);
  const bool device = is_device(facts.st_mode);
  if (device) CO_TRY(check_device_writable(options, fd.get()));
  CO_TRY_ASSIGN(const uint64_t size, length_of(fd.get(), facts));

  const Sharing sharing = options.sharing;
  std::unique_ptr<FileStorage> file;
  if (bypasses_page_cache(options.cache)) {
    CO_TRY_ASSIGN(const DirectAlignment alignment, find_direct_alignment(fd.get()));
    file = std::make_unique<DirectFileStorage>(std::move(options), std::move(fd), size, device,
                                               alignment);
  } else {
    file = std::make_unique<FileStorage>(std::move(options), std::move(fd), size, device);
  }
  CO_TRY(file->set_sharing(sharing));
  co_return std::unique_ptr<Storage>(std::move(file));
}

}  // namespace oxbow::storage
