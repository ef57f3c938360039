// Opens whatever the fuzzer made as a qcow2 image, checks it, walks its map, reads from it,
// writes to a copy, and takes, goes back to and drops a snapshot. Errors are fine; crashes,
// hangs and memory without measure are not.
#include "format/qcow2/check.h"
#include "fuzz_common.h"

namespace {

using namespace oxbow;

constexpr uint64_t max_read = 256 << 10;
constexpr int max_runs = 2000;

void read_some(async::Loop& loop, graph::Node& node, uint64_t offset) {
  const uint64_t size = node.virtual_size();
  if (offset >= size) return;
  std::vector<std::byte> buffer(std::min(max_read, size - offset));
  const iovec part{buffer.data(), buffer.size()};
  (void)loop.run(node.read(offset, IoSpan(&part, 1)));
}

void walk(async::Loop& loop, graph::Node& node) {
  uint64_t offset = 0;
  for (int i = 0; i < max_runs && offset < node.virtual_size(); ++i) {
    const auto run = loop.run(node.status(offset, node.virtual_size() - offset));
    if (!run) return;
    if (run->kind != format::RunKind::hole && i % 16 == 0) read_some(loop, node, offset);
    offset += run->length;
  }
}

void use_snapshots(async::Loop& loop, graph::Node& node) {
  auto& image = dynamic_cast<format::qcow2::Qcow2Image&>(node.format());
  using format::qcow2::SnapshotKey;
  format::qcow2::Snapshot snapshot;
  snapshot.name = "fuzzed";
  (void)loop.run(image.create_snapshot(std::move(snapshot)));
  fuzz::write_some(loop, node);
  (void)loop.run(image.apply_snapshot("fuzzed", SnapshotKey::name));
  (void)loop.run(image.delete_snapshot("1", SnapshotKey::name_or_id));
  (void)loop.run(image.delete_snapshot("fuzzed", SnapshotKey::name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  async::Loop& loop = async::Loop::current_thread();
  const storage::SparseBytes bytes = fuzz::bytes_of(data, size);

  storage::MemoryStorage file(bytes);
  const auto header = loop.run(format::qcow2::read_header(file, true));
  if (!header) return 0;
  (void)loop.run(format::qcow2::check(file, *header, {}));
  if (auto node = fuzz::open(loop, std::make_unique<storage::MemoryStorage>(bytes), false)) {
    walk(loop, *node);
    read_some(loop, *node, 0);
    (void)loop.run(node->close());
  }
  if (auto node = fuzz::open(loop, std::make_unique<storage::MemoryStorage>(bytes), true)) {
    fuzz::write_compressed(loop, *node);
    fuzz::write_some(loop, *node);
    fuzz::write_compressed(loop, *node);
    use_snapshots(loop, *node);
    (void)loop.run(node->close());
  }
  return 0;
}
