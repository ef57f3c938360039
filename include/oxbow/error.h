// Errors of the whole library: a stable kind to branch on, a message for people,
// the operating system's errno where there was one, and an optional hint.
// Every fallible call returns Result<T>; no exception leaves the library.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace oxbow {

/// What went wrong, for programs. Values are stable: new kinds are only appended.
enum class ErrorKind {
  invalid_argument,  ///< the caller asked for something that has no meaning
  not_found,         ///< a file, snapshot or node that does not exist
  permission,        ///< denied by the operating system or the trust policy
  exists,            ///< already there
  read_only,         ///< a write to something opened for reading
  no_space,          ///< ENOSPC, EDQUOT, EFBIG
  io,                ///< the medium failed (EIO and the like)
  corrupt,           ///< the image contradicts its format
  unsupported,       ///< a feature or format that this build cannot handle
  busy,              ///< locked by another process
  cancelled,         ///< the operation was cancelled before it took effect
  out_of_memory,     ///< a stated memory limit or the allocator said no
  internal,          ///< a defect of this library
};

/// The kind's name as written in logs, for example "no_space".
std::string_view to_string(ErrorKind kind);

class Error {
 public:
  Error(ErrorKind kind, std::string message, int os_error = 0)
      : kind_(kind), os_error_(os_error), message_(std::move(message)) {}

  /// An error from errno; the message is `what` followed by strerror's words,
  /// or those words alone where `what` is empty.
  static Error from_errno(int os_error, std::string_view what = {});

  [[nodiscard]] ErrorKind kind() const { return kind_; }
  /// errno of the failed call, 0 where the error did not come from one.
  [[nodiscard]] int os_error() const { return os_error_; }
  /// One line, without a final newline; outermost context first.
  [[nodiscard]] const std::string& message() const { return message_; }
  /// Advice on lines of its own (each ended by a newline); often empty.
  [[nodiscard]] const std::string& hint() const { return hint_; }

  /// The same error seen from one level further out: "context: message".
  [[nodiscard]] Error in_context(std::string_view context) &&;
  [[nodiscard]] Error with_hint(std::string hint) &&;

  /// The errno that a C caller should see: os_error(), or the kind's nearest.
  [[nodiscard]] int as_errno() const;

 private:
  ErrorKind kind_;
  int os_error_;
  std::string message_;
  std::string hint_;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(ErrorKind::corrupt, "...")` from any function that returns Result.
inline std::unexpected<Error> fail(ErrorKind kind, std::string message, int os_error = 0) {
  return std::unexpected(Error(kind, std::move(message), os_error));
}

}  // namespace oxbow
