#include "format/qcow2/header_switch.h"

namespace oxbow::format::qcow2 {

Task<> switch_refcount_table(Gate& gate, Header& header, uint64_t offset, uint32_t clusters) {
  std::byte raw[12];
  store_be<uint64_t>(raw, offset);
  store_be<uint32_t>(raw + 8, clusters);
  CO_TRY(co_await gate.switch_header(header_offset_refcount_table, raw));
  header.refcount_table_offset = offset;
  header.refcount_table_clusters = clusters;
  co_return {};
}

Task<> switch_snapshot_table(Gate& gate, Header& header, uint32_t count, uint64_t offset) {
  std::byte raw[12];
  store_be<uint32_t>(raw, count);
  store_be<uint64_t>(raw + 4, offset);
  CO_TRY(co_await gate.switch_header(header_offset_snapshots, raw));
  header.nb_snapshots = count;
  header.snapshots_offset = offset;
  co_return {};
}

}  // namespace oxbow::format::qcow2
