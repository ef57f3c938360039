#include "format/qcow2/l2_table_write.h"

namespace oxbow::format::qcow2 {

Task<> write_l2_table(Gate& gate, TableUsers users, uint64_t offset,
                      std::span<const std::byte> table, size_t begin, size_t end) {
  const bool both = users.active && users.inactive;
  const iovec from = io_slice(table.subspan(begin, end - begin));
  if (both) gate.leave(Writes::inactive_l2, offset, table.size());
  const Result<void> written = co_await gate.write(
      users.active ? Writes::active_l2 : Writes::inactive_l2, offset + begin, IoSpan(&from, 1));
  if (both) gate.share(Writes::inactive_l2, offset, table.size());
  co_return written;
}

}  // namespace oxbow::format::qcow2
