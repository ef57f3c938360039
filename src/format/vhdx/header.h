// The two headers of a VHDX image: the valid one with the higher sequence number counts, so that
// one is whole at any time. They say where the log is and whether it has something to be done.
#pragma once

#include <cstdint>

#include "async/task.h"
#include "format/vhdx/layout.h"
#include "storage/storage.h"

namespace oxbow::format::vhdx {

using async::Task;

struct Header {
  uint64_t sequence = 0;
  Uuid file_write_guid{};
  Uuid data_write_guid{};
  Uuid log_guid{};  ///< all zero: the log is empty
  uint32_t log_length = 0;
  uint64_t log_offset = 0;
  unsigned place = 0;  ///< which of the two it is

  [[nodiscard]] bool has_log() const { return log_guid != Uuid{}; }
};

/// The one that counts, checked; that the file is a VHDX image is checked first.
Task<Header> read_header(storage::Source& file);
/// Writes `header` to both places, one after the other, each with a higher sequence number; at no
/// moment is there none that is whole. Flushed. `header` becomes what was written last.
Task<> write_headers(storage::Storage& file, Header& header);

}  // namespace oxbow::format::vhdx
