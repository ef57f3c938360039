// Which size a disk may get, with the stock tool's sentences.
#pragma once

#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// `version`: the image's when that happens.
[[nodiscard]] inline Result<void> check_new_size(const Header& header, uint32_t version,
                                                 uint64_t bytes) {
  if (!is_aligned(bytes, 512)) {
    return fail(ErrorKind::invalid_argument, "The new size must be a multiple of 512", EINVAL);
  }
  if (header.nb_snapshots != 0 && version < 3) {
    return fail(ErrorKind::unsupported, "Can't resize a v2 image which has snapshots", ENOTSUP);
  }
  const uint64_t per_table = header.l2_entries() << header.cluster_bits;
  if (bytes > header.size && div_round_up(bytes, per_table) > max_l1_bytes / 8) {
    return fail(ErrorKind::invalid_argument, "Failed to grow the L1 table: File too large", EFBIG);
  }
  return {};
}

}  // namespace oxbow::format::qcow2
