#include "format/qcow2/header_switch.h"

#include "format/qcow2/header_layout.h"
#include "format/qcow2/metadata_reader.h"

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

// What lies between the two is written again as it is: one sector, one write.
Task<> switch_refcount_width(Gate& gate, Header& header, uint64_t offset, uint32_t clusters,
                             uint32_t order) {
  CO_TRY(co_await gate.settle_header());
  std::byte raw[header_offset_refcount_order + 4 - header_offset_refcount_table];
  CO_TRY(co_await read_bytes(gate.file(), header_offset_refcount_table, raw));
  store_be<uint64_t>(raw, offset);
  store_be<uint32_t>(raw + 8, clusters);
  store_be<uint32_t>(raw + header_offset_refcount_order - header_offset_refcount_table, order);
  CO_TRY(co_await gate.switch_header(header_offset_refcount_table, raw));
  header.refcount_table_offset = offset;
  header.refcount_table_clusters = clusters;
  header.refcount_order = order;
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
