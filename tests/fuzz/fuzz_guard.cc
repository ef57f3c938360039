// The overlap guard's promise over images that lie: whatever a guest writes, what the tables
// call metadata of a kind that guest writes never change keeps every byte.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "format/qcow2/metadata_scan.h"
#include "fuzz_common.h"
#include "tables_on_disk.h"

namespace {

using namespace oxbow;
using namespace oxbow::format::qcow2;

constexpr ClassMask changed_by_writes =
    class_bit(Writes::main_header) | class_bit(Writes::active_l1) | class_bit(Writes::active_l2) |
    class_bit(Writes::refcount_block) | class_bit(Writes::refcount_table);

// Written by bitmaps themselves as the guest writes, but never with the guest's bytes.
constexpr ClassMask changed_by_bitmaps = class_bit(Writes::bitmap_directory) |
                                         class_bit(Writes::bitmap_table) |
                                         class_bit(Writes::bitmap_data);

using Classes = std::map<uint64_t, ClassMask>;  // by cluster

Task<Classes> classes_of(storage::Source& file, const Header& header) {
  oxbow::testing::TablesOnDisk tables;
  CO_TRY(co_await tables.load(file, header));
  Classes classes;
  const uint64_t end = file.size();
  CO_TRY(co_await scan_metadata(
      file, header, tables, every_class, [&](Writes kind, uint64_t offset, uint64_t length) {
        const uint64_t last = std::min(offset + length - 1, end);
        for (uint64_t at = offset >> header.cluster_bits; at <= last >> header.cluster_bits; ++at) {
          classes[at] |= class_bit(kind);
        }
      }));
  co_return classes;
}

std::vector<std::byte> cluster_bytes(const storage::SparseBytes& bytes, uint64_t cluster,
                                     uint32_t size) {
  std::vector<std::byte> out(size);
  const iovec part{out.data(), out.size()};
  bytes.read(cluster * size, IoSpan(&part, 1));
  return out;
}

bool has_guest_bytes(const std::vector<std::byte>& bytes) {
  const std::vector<std::byte> pattern(64, fuzz::guest_byte);
  return !std::ranges::search(bytes, pattern).empty();
}

// Whether a cluster of these kinds may have become what it is.
bool may_change(ClassMask kinds, const std::vector<std::byte>& before,
                const std::vector<std::byte>& after) {
  if ((kinds & changed_by_writes) != 0 || before == after) return true;
  return (kinds & ~changed_by_bitmaps) == 0 && (has_guest_bytes(before) || !has_guest_bytes(after));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  async::Loop& loop = async::Loop::current_thread();
  const storage::SparseBytes before = fuzz::bytes_of(data, size);
  storage::MemoryStorage file(before);
  const auto header = loop.run(read_header(file, false));
  if (!header) return 0;
  const auto classes = loop.run(classes_of(file, *header));
  if (!classes) return 0;

  auto written = std::make_unique<storage::MemoryStorage>(before);
  storage::MemoryStorage& after = *written;
  auto node = fuzz::open(loop, std::move(written), true);
  if (!node) return 0;
  fuzz::write_some(loop, *node);
  for (const auto& [cluster, kinds] : *classes) {
    const uint32_t cluster_size = header->cluster_size();
    if (may_change(kinds, cluster_bytes(before, cluster, cluster_size),
                   cluster_bytes(after.bytes(), cluster, cluster_size))) {
      continue;
    }
    std::fprintf(stderr, "cluster %llu of classes %#x was changed\n",
                 static_cast<unsigned long long>(cluster), unsigned{kinds});
    std::abort();
  }
  (void)loop.run(node->close());
  return 0;
}
