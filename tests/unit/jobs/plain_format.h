// The least format: guest bytes lie at the same offsets of one memory store; what was never
// written is a hole. Keeps a list of what was done to it, fails where it is told to, and
// lets other tasks run before each operation.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "format/format.h"
#include "graph/node.h"
#include "storage/memory.h"

namespace oxbow::jobs {

using async::Task;

inline constexpr uint64_t kib = 1024;
inline constexpr uint64_t mib = 1024 * kib;

struct Done {
  char what;  ///< 'r'ead, 'w'rite, 'z'ero
  uint64_t offset;
  uint64_t length;

  bool operator==(const Done&) const = default;
};

class PlainFormat final : public format::Format {
 public:
  PlainFormat(uint64_t size, uint32_t cluster_size, std::string file)
      : size_(size), cluster_size_(cluster_size), store_(size, std::move(file)) {}

  std::vector<Done> done;
  uint64_t bad_sector = UINT64_MAX;  ///< reads that touch this offset fail
  uint64_t bad_write = UINT64_MAX;   ///< writes that touch this offset fail
  bool bad_map = false;
  bool shuffle = false;       ///< later reads may end before earlier ones
  unsigned most_at_once = 0;  ///< reads and writes under way together

  [[nodiscard]] std::string name() const override { return "plain"; }
  [[nodiscard]] format::Geometry geometry() const override {
    return {size_, cluster_size_, cluster_size_};
  }
  [[nodiscard]] bool read_only() const override { return false; }
  [[nodiscard]] storage::Source& file() override { return store_; }
  [[nodiscard]] storage::MemoryStorage& store() { return store_; }
  [[nodiscard]] const storage::SparseBytes& bytes() const { return store_.bytes(); }

  Task<format::Run> map(uint64_t offset, uint64_t length) override {
    if (bad_map) co_return fail(ErrorKind::corrupt, "no map", EIO);
    const auto extent = store_.bytes().extent(offset, length);
    format::Run run;
    run.length = extent.length;
    run.kind = extent.stored ? format::RunKind::data : format::RunKind::hole;
    run.has_host_offset = extent.stored;
    run.host_offset = offset;
    co_return run;
  }

  Task<> read_host(format::Place at, IoSpan into) override {
    const uint64_t offset = at.host;
    const uint64_t length = io_length(into);
    CO_TRY(co_await enter(shuffle ? 1 + (offset >> 21) % 3 * 5 : 1));
    done.push_back({'r', offset, length});
    --now_;
    if (touches(bad_sector, offset, length)) {
      co_return fail(ErrorKind::io, "bad sector of plain", EIO);
    }
    co_return co_await store_.read(offset, into);
  }
  Task<> read_compressed(uint64_t, IoSpan) override {
    co_return fail(ErrorKind::unsupported, "nothing is compressed");
  }

  Task<format::WritePlan> prepare_write(uint64_t offset, uint64_t length) override {
    done.push_back({'w', offset, length});
    format::WritePlan plan;
    plan.guest_offset = offset;
    plan.host_offset = offset;
    plan.length = length;
    co_return plan;
  }
  Task<> write_host(format::Place at, IoSpan from) override {
    const uint64_t offset = at.host;
    CO_TRY(co_await enter(2));
    --now_;
    if (touches(bad_write, offset, io_length(from))) {
      co_return fail(ErrorKind::no_space, "plain is full", ENOSPC);
    }
    co_return co_await store_.write(offset, from);
  }
  Task<> commit_write(format::WritePlan&) override { co_return {}; }
  Task<> abort_write(format::WritePlan&) override { co_return {}; }
  Task<uint64_t> zero_units(uint64_t offset, uint64_t length, format::ZeroFlags) override {
    done.push_back({'z', offset, length});
    CO_TRY(co_await store_.write_zeroes(offset, length));
    co_return length;
  }
  Task<> discard(uint64_t, uint64_t) override { co_return {}; }
  Task<> flush() override { co_return {}; }
  Task<> resize(uint64_t, storage::Preallocation, bool) override { co_return {}; }
  Task<> close() override { co_return {}; }

 private:
  static bool touches(uint64_t place, uint64_t offset, uint64_t length) {
    return place >= offset && place - offset < length;
  }
  Task<> enter(uint64_t turns) {
    most_at_once = std::max(most_at_once, ++now_);
    for (uint64_t i = 0; i < turns; ++i) CO_TRY(co_await async::Loop::current_thread().yield());
    co_return {};
  }

  uint64_t size_;
  uint32_t cluster_size_;
  storage::MemoryStorage store_;
  unsigned now_ = 0;
};

/// A node over a PlainFormat that the test keeps a hand on.
struct PlainNode {
  explicit PlainNode(uint64_t size, uint32_t cluster_size = 65536,
                     std::shared_ptr<graph::Node> backing = nullptr) {
    static unsigned number = 0;
    auto owned =
        std::make_unique<PlainFormat>(size, cluster_size, "plain" + std::to_string(number++));
    format = owned.get();
    node = std::make_shared<graph::Node>(std::move(owned), std::move(backing));
  }

  /// Writes `length` bytes of `value`, without a trace in `done`.
  void fill(uint64_t offset, uint64_t length, unsigned char value) {
    const std::vector<std::byte> bytes(length, std::byte{value});
    const iovec slice = io_slice(std::span(bytes));
    auto& store = format->store();
    ASSERT_TRUE(async::Loop::current_thread().run(store.write(offset, IoSpan(&slice, 1))));
  }
  [[nodiscard]] std::vector<std::byte> contents() const {
    std::vector<std::byte> bytes(node->virtual_size());
    const iovec slice = io_slice(std::span(bytes));
    EXPECT_TRUE(async::Loop::current_thread().run(node->read(0, IoSpan(&slice, 1))));
    return bytes;
  }

  PlainFormat* format;
  std::shared_ptr<graph::Node> node;
};

}  // namespace oxbow::jobs
