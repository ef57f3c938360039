// All that anybody can read from an image, before and after it is changed in place; and what is
// written to it by hand.
#pragma once

#include <utility>
#include <vector>

#include "image_fixture.h"

namespace oxbow::testing {

using format::qcow2::Qcow2Image;

inline async::Loop& loop() { return async::Loop::current_thread(); }

inline Qcow2Image& engine(graph::Node& node) { return dynamic_cast<Qcow2Image&>(node.format()); }

inline void write(graph::Node& node, uint64_t offset, uint64_t length, int pattern) {
  const Bytes data(length, std::byte(pattern));
  const iovec part{const_cast<std::byte*>(data.data()), data.size()};
  ASSERT_TRUE(loop().run(node.write(offset, IoSpan(&part, 1))));
}

inline void take(graph::Node& node, const char* name) {
  format::qcow2::Snapshot snapshot;
  snapshot.name = name;
  ASSERT_TRUE(loop().run(engine(node).create_snapshot(std::move(snapshot))));
}

struct Contents {
  std::vector<Bytes> disks;  ///< of the image, then of each snapshot
  Bytes vm_state;
  std::vector<std::pair<uint64_t, uint64_t>> dirty;

  bool operator==(const Contents&) const = default;
};

inline Contents contents_of(const storage::SparseBytes& bytes, uint64_t backing_bytes = 0) {
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  auto node =
      open_node(std::make_unique<storage::LentStorage>(file), make_backing(backing_bytes), false);
  EXPECT_TRUE(node) << node.error().message();
  Contents out;
  if (!node) return out;
  out.disks.push_back(read_all(**node));
  out.vm_state.resize(100 + 40000);
  const iovec part{out.vm_state.data(), out.vm_state.size()};
  EXPECT_TRUE(loop().run((*node)->read_vm_state(0, IoSpan(&part, 1))));
  Qcow2Image& image = engine(**node);
  for (const auto& bitmap : image.bitmaps().list()) {
    const auto bits = loop().run(image.bitmaps().bits_of(bitmap.name));
    EXPECT_TRUE(bits) << bits.error().message();
    for (uint64_t at = 0; bits && (at = (*bits)->next_set(at)) < (*bits)->size();) {
      const uint64_t end = (*bits)->next_clear(at);
      out.dirty.emplace_back(at, end);
      at = end;
    }
  }
  const auto snapshots = loop().run(format::qcow2::read_snapshots(image.file(), image.header()));
  EXPECT_TRUE(snapshots) << snapshots.error().message();
  for (const auto& snapshot : *snapshots) {
    const auto seen = loop().run(image.view_snapshot(snapshot.id));
    EXPECT_TRUE(seen) << seen.error().message();
    out.disks.push_back(read_all(**node));
  }
  EXPECT_TRUE(loop().run((*node)->close()));
  return out;
}

/// The first thing that a check finds worse than a leak; empty: nothing.
inline std::string serious_finding(const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  return found.corruptions + found.check_errors == 0 ? "" : first;
}

}  // namespace oxbow::testing
