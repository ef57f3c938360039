#include <oxbow/error.h>

#include <cerrno>
#include <cstring>

namespace oxbow {
namespace {

ErrorKind kind_of_errno(int os_error) {
  switch (os_error) {
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
    case ERANGE: return ErrorKind::invalid_argument;
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ENXIO: return ErrorKind::not_found;
    case EACCES:
    case EPERM: return ErrorKind::permission;
    case EEXIST: return ErrorKind::exists;
    case EROFS:
    case EBADF: return ErrorKind::read_only;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ErrorKind::no_space;
    case ENOTSUP:
    case ENOSYS: return ErrorKind::unsupported;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY: return ErrorKind::busy;
    case ECANCELED: return ErrorKind::cancelled;
    case ENOMEM: return ErrorKind::out_of_memory;
    default: return ErrorKind::io;
  }
}

}  // namespace

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument: return "invalid_argument";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::permission: return "permission";
    case ErrorKind::exists: return "exists";
    case ErrorKind::read_only: return "read_only";
    case ErrorKind::no_space: return "no_space";
    case ErrorKind::io: return "io";
    case ErrorKind::corrupt: return "corrupt";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::busy: return "busy";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::out_of_memory: return "out_of_memory";
    case ErrorKind::internal: return "internal";
  }
  return "unknown";
}

Error Error::from_errno(int os_error, std::string_view what) {
  std::string message(what);
  if (!message.empty()) message += ": ";
  message += std::strerror(os_error);
  return {kind_of_errno(os_error), std::move(message), os_error};
}

Error Error::in_context(std::string_view context) && {
  message_.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

Error Error::with_hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

int Error::as_errno() const {
  if (os_error_ != 0) return os_error_;
  switch (kind_) {
    case ErrorKind::invalid_argument: return EINVAL;
    case ErrorKind::not_found: return ENOENT;
    case ErrorKind::permission: return EACCES;
    case ErrorKind::exists: return EEXIST;
    case ErrorKind::read_only: return EROFS;
    case ErrorKind::no_space: return ENOSPC;
    case ErrorKind::unsupported: return ENOTSUP;
    case ErrorKind::busy: return EBUSY;
    case ErrorKind::cancelled: return ECANCELED;
    case ErrorKind::out_of_memory: return ENOMEM;
    default: return EIO;
  }
}

}  // namespace oxbow
