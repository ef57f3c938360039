// What the fuzz targets over formats with blocks share: an image is checked, its map walked, read,
// and a copy of it written to and looked at again. Errors are fine; crashes, hangs, memory without
// measure, and a write that reads back as something else are not.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "fuzz_common.h"

namespace oxbow::fuzz {

using Opener =
    async::Task<std::unique_ptr<format::Format>> (*)(std::unique_ptr<storage::Storage> file);

inline std::unique_ptr<graph::Node> open_with(async::Loop& loop, Opener opener,
                                              const storage::SparseBytes& bytes, bool writable) {
  auto file = std::make_unique<storage::MemoryStorage>(bytes);
  file->set_read_only(!writable);
  auto image = loop.run(opener(std::move(file)));
  if (!image) return nullptr;
  return std::make_unique<graph::Node>(std::move(*image), nullptr);
}

inline void walk_map(async::Loop& loop, graph::Node& node) {
  constexpr int most_runs = 200;
  const uint64_t size = node.virtual_size();
  std::vector<std::byte> buffer(64 << 10);
  uint64_t offset = 0;
  for (int i = 0; i < most_runs && offset < size; ++i) {
    const auto run = loop.run(node.status(offset, size - offset));
    if (!run) return;
    const iovec part{buffer.data(), std::min<uint64_t>(buffer.size(), size - offset)};
    if (i % 8 == 0) (void)loop.run(node.read(offset, IoSpan(&part, 1)));
    offset += run->length;
  }
}

/// Whether two blocks of an image may lie on each other by a part, so that a write to one of them
/// shows in the other.
enum class Blocks { apart, anywhere };

inline void write_and_look(async::Loop& loop, graph::Node& node, Blocks blocks) {
  const uint64_t size = node.virtual_size();
  if (size < 4096) return;
  std::vector<std::byte> buffer(3000, guest_byte);
  const iovec part{buffer.data(), buffer.size()};
  for (const uint64_t offset : {uint64_t{0}, size / 2, size - 3000}) {
    if (!loop.run(node.write(offset, IoSpan(&part, 1)))) continue;
    std::vector<std::byte> seen(3000);
    const iovec into{seen.data(), seen.size()};
    if (!loop.run(node.read(offset, IoSpan(&into, 1)))) continue;
    if (seen == buffer || blocks == Blocks::anywhere) continue;
    std::fprintf(stderr, "what was written at %llu is not there\n",
                 static_cast<unsigned long long>(offset));
    std::abort();
  }
  (void)loop.run(node.flush());
}

inline void use_image(Opener opener, const storage::SparseBytes& bytes, Blocks blocks) {
  async::Loop& loop = async::Loop::current_thread();
  if (auto node = open_with(loop, opener, bytes, false)) {
    (void)loop.run(node->format().check({}, Repair::none));
    walk_map(loop, *node);
    (void)loop.run(node->close());
  }
  if (auto node = open_with(loop, opener, bytes, true)) {
    (void)loop.run(node->format().check({}, Repair::all));
    write_and_look(loop, *node, blocks);
    walk_map(loop, *node);
    (void)loop.run(node->close());
  }
}

}  // namespace oxbow::fuzz
