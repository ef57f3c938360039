// Opens whatever the fuzzer made as a qcow2 image, checks it, walks its map, reads from it,
// and writes to a copy. Errors are fine; crashes, hangs and memory without measure are not.
#include <algorithm>
#include <cstdint>

#include "async/loop.h"
#include "format/qcow2/check.h"
#include "format/qcow2/image.h"
#include "graph/node.h"
#include "storage/memory.h"

namespace {

using namespace oxbow;

constexpr uint64_t max_read = 256 << 10;
constexpr int max_runs = 2000;

storage::SparseBytes bytes_of(const uint8_t* data, size_t size) {
  storage::SparseBytes bytes;
  const iovec all{const_cast<uint8_t*>(data), size};
  bytes.write(0, IoSpan(&all, 1));
  return bytes;
}

std::unique_ptr<graph::Node> open(async::Loop& loop, const storage::SparseBytes& bytes,
                                  bool writable) {
  format::qcow2::Qcow2OpenOptions options;
  options.writable = writable;
  auto image = loop.run(format::qcow2::open_qcow2(std::make_unique<storage::MemoryStorage>(bytes),
                                                  std::move(options)));
  if (!image) return nullptr;
  return std::make_unique<graph::Node>(std::move(*image), nullptr);
}

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

void write_some(async::Loop& loop, graph::Node& node) {
  const uint64_t size = node.virtual_size();
  if (size < 4096) return;
  std::vector<std::byte> buffer(3000, std::byte{0x5a});
  const iovec part{buffer.data(), buffer.size()};
  for (const uint64_t offset : {uint64_t{0}, size / 2, size - 3000}) {
    (void)loop.run(node.write(offset, IoSpan(&part, 1)));
    (void)loop.run(node.write_zeroes(offset, 2048, {}));
    (void)loop.run(node.discard(offset, std::min<uint64_t>(size - offset, 1 << 20)));
  }
  (void)loop.run(node.flush());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  async::Loop& loop = async::Loop::current_thread();
  const storage::SparseBytes bytes = bytes_of(data, size);

  storage::MemoryStorage file(bytes);
  const auto header = loop.run(format::qcow2::read_header(file, true));
  if (!header) return 0;
  (void)loop.run(format::qcow2::check(file, *header, {}));
  if (auto node = open(loop, bytes, false)) {
    walk(loop, *node);
    read_some(loop, *node, 0);
    (void)loop.run(node->close());
  }
  if (auto node = open(loop, bytes, true)) {
    write_some(loop, *node);
    (void)loop.run(node->close());
  }
  return 0;
}
