#include "jobs/compare_job.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "async/task_group.h"
#include "base/bytes.h"
#include "jobs/zero_scan.h"

namespace oxbow::jobs {

using format::RunKind;
using graph::Node;
using graph::NodeStatus;

namespace {

constexpr uint64_t sector = 512;
// The stock tool looks at this much at a time; it shows in progress and in messages.
constexpr uint64_t stretch_limit = uint64_t{2} << 20;
// Small enough for two of them to stay in the processor's cache.
constexpr uint64_t buffer_size = uint64_t{512} << 10;

uint64_t size_in_sectors(const Node& node) { return align_up(node.virtual_size(), sector); }

// Whether the run reaches the end of the layer that decides it.
bool reaches_end(const Node& top, const NodeStatus& status, uint64_t end) {
  const Node* layer = &top;
  for (uint32_t i = 0; i < status.depth && layer->backing(); ++i) layer = layer->backing().get();
  return end >= layer->virtual_size();
}

// What the stock tool's strict mode compares of a run: more than whether it holds data.
auto strict_word(const Node& top, const NodeStatus& status, uint64_t offset) {
  const bool compressed = status.kind == RunKind::compressed;
  const bool allocated = status.kind != RunKind::hole || status.beyond_end;
  return std::tuple(status.zero, compressed, allocated, status.has_host_offset && !compressed,
                    reaches_end(top, status, offset + status.length));
}

}  // namespace

CompareJob::CompareJob(CompareSide left, CompareSide right, CompareOptions options)
    : left_(std::move(left)), right_(std::move(right)), options_(std::move(options)) {}

Task<CompareResult> CompareJob::run() {
  const uint64_t left_size = size_in_sectors(*left_.node);
  const uint64_t right_size = size_in_sectors(*right_.node);
  total_ = std::max(left_size, right_size);
  report(0);
  result_.sizes_differ = left_size != right_size;
  if (options_.strict && result_.sizes_differ) {
    result_.identical = false;
    co_return result_;
  }
  CO_TRY_ASSIGN(left_bytes_, Buffer::allocate(buffer_size));
  CO_TRY_ASSIGN(right_bytes_, Buffer::allocate(buffer_size));
  announce_bulk(true);
  Result<void> compared = co_await compare_common(std::min(left_size, right_size));
  if (compared && result_.identical && result_.sizes_differ) {
    if (options_.warn) options_.warn("Image size mismatch!");
    const CompareSide& longer = left_size > right_size ? left_ : right_;
    compared = co_await compare_rest(longer, std::min(left_size, right_size));
  }
  announce_bulk(false);
  CO_TRY(compared);
  co_return result_;
}

void CompareJob::announce_bulk(bool on) {
  for (Node* top : {left_.node.get(), right_.node.get()}) {
    for (Node* layer = top; layer != nullptr; layer = layer->backing().get()) {
      layer->format().file().expect_bulk(on);
    }
  }
}

void CompareJob::report(uint64_t done) {
  if (options_.progress.report) options_.progress.report(done, std::max<uint64_t>(total_, 1));
}

void CompareJob::differs_at(uint64_t offset) {
  result_.identical = false;
  result_.first_difference = align_down(offset, sector);
}

Task<> CompareJob::compare_common(uint64_t size) {
  for (uint64_t offset = 0; offset < size && result_.identical;) {
    CO_TRY_ASSIGN(Stretch stretch, co_await stretch_at(offset, size - offset));
    if (options_.strict && !strictly_alike(offset, stretch)) {
      differs_at(offset);
      result_.allocation_differs = true;
      co_return {};
    }
    const bool left_zero = stretch.left.zero;
    const bool right_zero = stretch.right.zero;
    if (!left_zero || !right_zero) stretch.length = std::min(stretch.length, stretch_limit);
    if (!left_zero && !right_zero) {
      CO_TRY(co_await compare_bytes(offset, stretch.length));
    } else if (!left_zero) {
      CO_TRY(co_await expect_zero(left_, offset, stretch.length));
    } else if (!right_zero) {
      CO_TRY(co_await expect_zero(right_, offset, stretch.length));
    }
    offset += stretch.length;
    if (result_.identical) report(offset);
  }
  co_return {};
}

bool CompareJob::strictly_alike(uint64_t offset, const Stretch& stretch) const {
  return strict_word(*left_.node, stretch.left, offset) ==
         strict_word(*right_.node, stretch.right, offset);
}

Task<> CompareJob::compare_rest(const CompareSide& longer, uint64_t from) {
  for (uint64_t offset = from; offset < total_ && result_.identical;) {
    CO_TRY_ASSIGN(const NodeStatus status, co_await status_of(longer, offset, total_ - offset));
    const uint64_t length = status.zero ? status.length : std::min(status.length, stretch_limit);
    if (!status.zero) CO_TRY(co_await expect_zero(longer, offset, length));
    offset += length;
    if (result_.identical) report(offset);
  }
  co_return {};
}

Task<CompareJob::Stretch> CompareJob::stretch_at(uint64_t offset, uint64_t length) {
  Stretch stretch;
  CO_TRY_ASSIGN(stretch.left, co_await status_of(left_, offset, length));
  CO_TRY_ASSIGN(stretch.right, co_await status_of(right_, offset, length));
  stretch.length = std::min(stretch.left.length, stretch.right.length);
  co_return stretch;
}

// Padding up to a whole sector belongs to the last run.
Task<NodeStatus> CompareJob::status_of(const CompareSide& side, uint64_t offset, uint64_t length) {
  const uint64_t size = side.node->virtual_size();
  const uint64_t inside = std::min(length, size - offset);
  Result<NodeStatus> status = co_await side.node->status(offset, inside);
  if (!status) {
    if (options_.failed_step != nullptr) *options_.failed_step = CompareStep::block_status;
    const Error& cause = status.error();
    co_return std::unexpected(
        Error(cause.kind(), "Sector allocation test failed for " + side.name, cause.as_errno())
            .with_hint(cause.message() + "\n"));
  }
  if (offset + status->length == size) status->length = align_up(size, sector) - offset;
  co_return *status;
}

Task<> CompareJob::compare_bytes(uint64_t offset, uint64_t length) {
  for (uint64_t done = 0; done < length && result_.identical;) {
    const uint64_t now = std::min(length - done, buffer_size);
    const auto left = left_bytes_.span().first(now);
    const auto right = right_bytes_.span().first(now);
    async::TaskGroup both(2);
    Task<> one = read(left_, offset + done, left, offset);
    Task<> other = read(right_, offset + done, right, offset);
    Result<void> started = co_await both.spawn(std::move(one));
    if (started) started = co_await both.spawn(std::move(other));
    CO_TRY(co_await both.join());
    CO_TRY(started);
    if (std::memcmp(left.data(), right.data(), now) != 0) {
      const auto at = std::ranges::mismatch(left, right).in1 - left.begin();
      differs_at(offset + done + static_cast<uint64_t>(at));
    }
    done += now;
  }
  co_return {};
}

Task<> CompareJob::expect_zero(const CompareSide& side, uint64_t offset, uint64_t length) {
  for (uint64_t done = 0; done < length; done += buffer_size) {
    const auto bytes = left_bytes_.span().first(std::min(length - done, buffer_size));
    CO_TRY(co_await read(side, offset + done, bytes, offset));
    const size_t nonzero = find_nonzero(bytes);
    if (nonzero == bytes.size()) continue;
    differs_at(offset + done + nonzero);
    co_return {};
  }
  co_return {};
}

Task<> CompareJob::read(const CompareSide& side, uint64_t offset, std::span<std::byte> into,
                        uint64_t stretch_offset) {
  const size_t inside = std::min<uint64_t>(into.size(), side.node->virtual_size() - offset);
  std::ranges::fill(into.subspan(inside), std::byte{0});
  const iovec slice = io_slice(into.first(inside));
  const Result<void> done = co_await side.node->read(offset, IoSpan(&slice, 1));
  if (done) co_return {};
  if (options_.failed_step != nullptr) *options_.failed_step = CompareStep::read;
  const std::string line =
      "Error while reading offset " + std::to_string(stretch_offset) + " of " + side.name;
  co_return std::unexpected(
      Error::from_errno(done.error().as_errno(), line).with_hint(done.error().message() + "\n"));
}

}  // namespace oxbow::jobs
