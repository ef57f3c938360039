// libgcrypt, made ready once for the process; for the files of this folder only.
#pragma once

#include <gcrypt.h>

#include "base/result.h"

namespace oxbow::codec {

/// Before any other call of the library.
Result<void> ensure_gcrypt();

/// The library's own words for `code`; internal.
Error gcrypt_error(const char* what, gcry_error_t code);

}  // namespace oxbow::codec
