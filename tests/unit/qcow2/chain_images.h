// An image over a backing file for tests of commit and rebase: qcow2 over qcow2, or over bytes,
// with random contents, and the memory that they lie in.
#pragma once

#include "image_fixture.h"

namespace oxbow::testing {

inline constexpr uint64_t chain_cluster = 64 << 10;

/// An empty image whose header names a backing file.
inline storage::SparseBytes make_overlay(const ImageShape& shape, const std::string& below) {
  const auto memory = std::make_shared<storage::MemoryStorage>(make_image(shape));
  auto node = open_node(std::make_unique<storage::LentStorage>(memory), nullptr);
  EXPECT_TRUE(node) << node.error().message();
  async::Loop& loop = async::Loop::current_thread();
  const auto named = loop.run((*node)->format().change_backing(format::BackingName{below, "raw"}));
  EXPECT_TRUE(named) << named.error().message();
  EXPECT_TRUE(loop.run((*node)->close()));
  return memory->bytes();
}

/// A node of these bytes, as they are.
inline std::shared_ptr<graph::Node> raw_node(const Bytes& contents) {
  storage::SparseBytes sparse;
  const iovec all{const_cast<std::byte*>(contents.data()), contents.size()};
  sparse.write(0, IoSpan(&all, 1));
  auto file = std::make_unique<storage::MemoryStorage>(std::move(sparse), "raw");
  auto raw = format::raw::RawImage::create(std::move(file), {});
  EXPECT_TRUE(raw) << raw.error().message();
  return std::make_shared<graph::Node>(std::move(*raw), nullptr);
}

/// Writes and zeroes at random places; the same for the same seed.
inline void scribble(graph::Node& node, uint32_t seed, unsigned operations) {
  const uint64_t cluster = std::max<uint64_t>(node.format().geometry().cluster_size, 512);
  OpSource source(seed, node.virtual_size(), cluster);
  Bytes buffer(4 * cluster);
  for (unsigned i = 0; i < operations; ++i) {
    GuestOp op = source.next();
    op.kind = i % 4 == 3 ? GuestOp::Kind::zero : GuestOp::Kind::write;
    const auto done = async::Loop::current_thread().run(apply_op(node, op, buffer));
    EXPECT_TRUE(done) << done.error().message();
  }
  EXPECT_TRUE(async::Loop::current_thread().run(node.flush()));
}

/// Whether the header in `bytes` names this backing file.
inline std::string backing_named_in(const storage::SparseBytes& bytes) {
  storage::MemoryStorage file(bytes);
  const auto header = async::Loop::current_thread().run(format::qcow2::read_header(file, false));
  EXPECT_TRUE(header) << header.error().message();
  return header ? header->backing_file : "";
}

/// Nothing worse than leaks.
inline void expect_sound(const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  EXPECT_EQ(found.corruptions + found.check_errors, 0u) << first;
}

}  // namespace oxbow::testing
