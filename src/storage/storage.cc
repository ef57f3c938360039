#include "storage/storage.h"

namespace oxbow::storage {

Task<> Storage::copy_from(Source&, uint64_t, uint64_t, uint64_t) {
  co_return fail(ErrorKind::unsupported, "'" + filename() + "' cannot copy from another file");
}

}  // namespace oxbow::storage
