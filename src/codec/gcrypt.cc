#include "codec/gcrypt.h"

namespace oxbow::codec {
namespace {

constexpr const char* needed_version = "1.8.0";

bool start() {
  if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0) return true;  // the program did
  if (gcry_check_version(needed_version) == nullptr) return false;
  // Keys are wiped by their owners; locked memory is scarce and would limit open images.
  gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
  gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
  return true;
}

}  // namespace

Result<void> ensure_gcrypt() {
  static const bool ready = start();
  if (ready) return {};
  return fail(ErrorKind::unsupported, std::string("libgcrypt is older than ") + needed_version);
}

Error gcrypt_error(const char* what, gcry_error_t code) {
  return {ErrorKind::internal, std::string(what) + ": " + gcry_strerror(code), EIO};
}

}  // namespace oxbow::codec
