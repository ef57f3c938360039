// What the guest believes is on its disk: bytes, kept beside the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "async/loop.h"
#include "graph/node.h"

namespace oxbow::testing {

struct GuestOp {
  enum class Kind { write, zero, zero_unmap, discard, read, flush } kind;
  uint64_t offset = 0;
  uint64_t length = 0;
  uint8_t pattern = 0;
};

/// Random operations: mostly small and unaligned, some on cluster borders.
class OpSource {
 public:
  OpSource(uint32_t seed, uint64_t disk, uint64_t cluster)
      : random_(seed), disk_(disk), cluster_(cluster) {}

  GuestOp next() {
    GuestOp op;
    const unsigned dice = below(100);
    op.kind = dice < 45   ? GuestOp::Kind::write
              : dice < 58 ? GuestOp::Kind::zero
              : dice < 66 ? GuestOp::Kind::zero_unmap
              : dice < 78 ? GuestOp::Kind::discard
              : dice < 95 ? GuestOp::Kind::read
                          : GuestOp::Kind::flush;
    op.offset = below(disk_);
    op.length = 1 + below(std::min(disk_ - op.offset, 4 * cluster_));
    if (below(3) == 0) align(op, cluster_);
    if (below(3) == 0) align(op, 512);
    op.pattern = static_cast<uint8_t>(1 + below(255));
    return op;
  }

  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }

 private:
  void align(GuestOp& op, uint64_t unit) const {
    op.offset = align_down(op.offset, unit);
    op.length = std::min(align_up(op.length, unit), disk_ - op.offset);
  }

  std::mt19937_64 random_;
  uint64_t disk_;
  uint64_t cluster_;
};

/// Does `op` on `node`. Reads fill `into`.
inline async::Task<> apply_op(graph::Node& node, const GuestOp& op, std::span<std::byte> buffer) {
  const iovec part{buffer.data(), op.length};
  switch (op.kind) {
    case GuestOp::Kind::write:
      std::memset(buffer.data(), op.pattern, op.length);
      co_return co_await node.write(op.offset, IoSpan(&part, 1));
    case GuestOp::Kind::zero: {
      co_return co_await node.write_zeroes(op.offset, op.length, {});
    }
    case GuestOp::Kind::zero_unmap: {
      graph::ZeroFlags flags;
      flags.may_unmap = true;
      co_return co_await node.write_zeroes(op.offset, op.length, flags);
    }
    case GuestOp::Kind::discard: co_return co_await node.discard(op.offset, op.length);
    case GuestOp::Kind::read: co_return co_await node.read(op.offset, IoSpan(&part, 1));
    case GuestOp::Kind::flush: co_return co_await node.flush();
  }
  co_return {};
}

/// A byte array that follows the same operations. Discarded clusters are "don't care" until
/// they are read once: then they must stay what they were read as.
class GuestModel {
 public:
  explicit GuestModel(uint64_t disk) : bytes_(disk), unknown_(disk) {}

  void apply(const GuestOp& op) {
    const auto range = std::span(bytes_).subspan(op.offset, op.length);
    const auto unknown = std::span(unknown_).subspan(op.offset, op.length);
    switch (op.kind) {
      case GuestOp::Kind::write: fill(range, unknown, op.pattern); break;
      case GuestOp::Kind::zero:
      case GuestOp::Kind::zero_unmap: fill(range, unknown, 0); break;
      case GuestOp::Kind::discard: std::ranges::fill(unknown, uint8_t{1}); break;
      case GuestOp::Kind::read:
      case GuestOp::Kind::flush: break;
    }
  }

  /// The first byte at which `seen`, read at `offset`, is not what the guest wrote; -1: none.
  int64_t first_lie(uint64_t offset, std::span<const std::byte> seen) {
    for (size_t i = 0; i < seen.size(); ++i) {
      const auto value = std::to_integer<uint8_t>(seen[i]);
      if (unknown_[offset + i] != 0) {
        // Old contents or zeroes; nothing else may show up.
        if (value != 0 && value != bytes_[offset + i]) return static_cast<int64_t>(offset + i);
        bytes_[offset + i] = value;
        unknown_[offset + i] = 0;
      } else if (value != bytes_[offset + i]) {
        return static_cast<int64_t>(offset + i);
      }
    }
    return -1;
  }

  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  static void fill(std::span<uint8_t> range, std::span<uint8_t> unknown, uint8_t value) {
    std::ranges::fill(range, value);
    std::ranges::fill(unknown, uint8_t{0});
  }

  std::vector<uint8_t> bytes_;
  std::vector<uint8_t> unknown_;
};

}  // namespace oxbow::testing
