// All that anybody can read from an image, before and after it is changed in place; and what is
// written to it by hand.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bitmap_truth.h"
#include "image_fixture.h"

namespace oxbow::testing {

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

/// The first thing that a check finds worse than a leak; empty: nothing.
inline std::string corruption_in(const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  return found.corruptions + found.check_errors == 0 ? "" : first;
}

/// What a check finds that is `counted`.
template <class Counted>
std::string findings(const storage::SparseBytes& bytes, const Counted& counted) {
  storage::MemoryStorage file(bytes);
  const auto header = loop().run(format::qcow2::read_header(file, true));
  if (!header) return header.error().message();
  std::string all;
  const auto checked =
      loop().run(format::qcow2::check(file, *header, [&](const CheckFinding& found) {
        if (counted(found)) all += found.text;
      }));
  return checked ? all : checked.error().message();
}
/// Errors and leaks.
inline std::string all_findings(const storage::SparseBytes& bytes) {
  return findings(bytes, [](const CheckFinding&) { return true; });
}
/// What is worse than leaks, and than clusters that could be written in place and are not known to
/// be.
inline std::string serious_finding(const storage::SparseBytes& bytes) {
  return findings(bytes, [](const CheckFinding& found) {
    const bool copy_only =
        found.text.find("OFLAG_COPIED") != std::string::npos && found.text.ends_with("refcount=1");
    return found.severity == CheckFinding::Severity::error && !copy_only;
  });
}

// What lay behind the new end of a disk that shrinks may be gone, cluster by cluster, before the
// size has changed: what it reads as then is zeroes, or what lies `below`.
inline bool half_shrunk(const Bytes& seen, const Bytes& before, const Bytes& after,
                        const Bytes& below) {
  if (seen.size() != before.size() || after.size() >= before.size()) return false;
  for (size_t i = 0; i < seen.size(); ++i) {
    const bool gone = seen[i] == std::byte{0} || (i < below.size() && seen[i] == below[i]);
    if (seen[i] != before[i] && (i < after.size() || !gone)) return false;
  }
  return true;
}
/// A disk before or after a change that failed, or on its way to shrink.
inline bool old_or_new(const Bytes& seen, const Bytes& before, const Bytes& after,
                       const Bytes& below = {}) {
  return seen == before || seen == after || half_shrunk(seen, before, after, below);
}

using DirtyRanges = std::vector<std::pair<uint64_t, uint64_t>>;

/// All that anybody can read from an image.
struct Contents {
  Bytes disk;
  Bytes vm_state;
  std::map<std::string, Bytes> snapshots;
  /// Ranges; of a bitmap that is not trusted nothing.
  std::map<std::string, std::optional<DirtyRanges>> dirty;

  bool operator==(const Contents&) const = default;
};

inline void read_bitmaps(format::qcow2::Qcow2Image& image, Contents& out) {
  for (const auto& bitmap : image.bitmaps().list()) {
    auto& ranges = out.dirty[bitmap.name];
    const auto bits = loop().run(image.bitmaps().bits_of(bitmap.name));
    if (!bits) continue;
    ranges.emplace();
    for (uint64_t at = 0; (at = (*bits)->next_set(at)) < (*bits)->size();) {
      const uint64_t end = (*bits)->next_clear(at);
      ranges->emplace_back(at, end);
      at = end;
    }
  }
}

/// How to open an image, and what of it to read.
struct Reading {
  uint64_t backing_bytes = 0;
  /// The disks of other snapshots are left empty.
  std::function<bool(const std::string&)> wanted = [](const std::string&) { return true; };
};

inline Contents contents_of(const storage::SparseBytes& bytes, const Reading& how = {}) {
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  auto node = open_node(std::make_unique<storage::LentStorage>(file),
                        make_backing(how.backing_bytes), false);
  EXPECT_TRUE(node) << node.error().message();
  Contents out;
  if (!node) return out;
  out.disk = read_all(**node);
  out.vm_state.resize(100 + 40000);
  const iovec part{out.vm_state.data(), out.vm_state.size()};
  EXPECT_TRUE(loop().run((*node)->read_vm_state(0, IoSpan(&part, 1))));
  format::qcow2::Qcow2Image& image = engine(**node);
  read_bitmaps(image, out);
  const auto snapshots = loop().run(format::qcow2::read_snapshots(image.file(), image.header()));
  EXPECT_TRUE(snapshots) << snapshots.error().message();
  for (const auto& snapshot : *snapshots) {
    out.snapshots[snapshot.name];
    if (!how.wanted(snapshot.name)) continue;
    const auto seen = loop().run(image.view_snapshot(snapshot.id));
    EXPECT_TRUE(seen) << seen.error().message();
    out.snapshots[snapshot.name] = read_all(**node);
  }
  EXPECT_TRUE(loop().run((*node)->close()));
  return out;
}

}  // namespace oxbow::testing
