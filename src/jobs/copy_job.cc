#include "jobs/copy_job.h"

#include <algorithm>
#include <cstring>

#include "async/loop.h"
#include "base/bytes.h"
#include "jobs/copy_offload.h"
#include "jobs/while_doing.h"
#include "jobs/zero_scan.h"

namespace oxbow::jobs {

namespace {

// A new cluster gets the next free place when its write begins, if the table that will link
// it is there: a window must not need more than one piece of a table. Below this it may.
constexpr uint32_t least_cluster_for_overlap = 4096;

bool may_overlap(graph::Node& target, const CopyOptions& options, const CopyPlan& plan) {
  if (!options.in_order) return true;
  const uint32_t cluster = target.format().geometry().cluster_size;
  if (cluster == 0) return true;
  return cluster >= least_cluster_for_overlap && !plan.splitter().needs_stock_steps();
}

}  // namespace

CopyJob::CopyJob(std::vector<std::shared_ptr<graph::Node>> sources,
                 std::shared_ptr<graph::Node> target, CopyOptions options, LayersCopied layers)
    : sources_(std::move(sources)),
      target_(std::move(target)),
      options_(std::move(options)),
      plan_(sources_, *target_, options_),
      buffers_(CopyPlan::buffer_size),
      turns_(options_.in_order),
      writes_overlap_(may_overlap(*target_, options_, plan_)),
      offload_(options_.kernel_copy && can_take_offload(*target_)),
      detect_zeroes_(!options_.kernel_copy && !layers.as_it_is),
      as_it_is_(layers.as_it_is) {
  if (options_.ranges) return;
  if (layers.upper) {
    sources_.share_below(*layers.upper);
  } else if (options_.target_has_backing && target_->backing()) {
    sources_.share_below(layers_above(*sources_.nodes().front(), *target_->backing()));
  } else if (options_.target_has_backing) {
    sources_.share_below(1);
  }
}

Task<> CopyJob::run() {
  if (sources_.size() > align_up(target_->virtual_size(), SourceSet::sector)) {
    co_return fail(ErrorKind::invalid_argument, "output file is smaller than input file");
  }
  if (options_.compress) target_->set_compression_level(options_.compression_level);
  announce_bulk(true);
  const Result<void> copied = co_await copy_all();
  announce_bulk(false);
  CO_TRY(copied);
  co_return co_await target_->flush();
}

// Each byte passes once: the files need not keep it in memory.
void CopyJob::announce_bulk(bool on) {
  target_->format().file().expect_bulk(on);
  for (const auto& source : sources_.nodes()) {
    for (graph::Node* layer = source.get(); layer != nullptr; layer = layer->backing().get()) {
      layer->format().file().expect_bulk(on);
    }
  }
}

Task<> CopyJob::copy_all() {
  if (options_.progress.report) {
    CO_TRY_ASSIGN(total_, co_await plan_.work_in_all());
    if (total_ == 0) options_.progress.report(0, 0);
  }
  begun_ = std::chrono::steady_clock::now();
  async::TaskGroup group(std::max(options_.parallel, 1u));
  const Result<void> started = co_await start_items(group);
  if (!started) turns_.give_up();
  const Result<void> ended = co_await group.join();
  CO_TRY(ended);
  co_return started;
}

Task<> CopyJob::start_items(async::TaskGroup& group) {
  for (uint64_t offset = 0; offset < plan_.size();) {
    CO_TRY_ASSIGN(CopyItem item, co_await plan_.item_at(offset));
    offset = item.end;
    if (item.segments.empty()) continue;
    for (const CopySegment& segment : item.segments) started_ += segment.length;
    const uint64_t number = turns_.take_number();
    Task<> work = do_item(std::move(item), number);
    CO_TRY(co_await group.spawn(std::move(work)));
    CO_TRY(co_await hold_rate());
  }
  co_return {};
}

Task<> CopyJob::hold_rate() {
  if (options_.rate_limit == 0) co_return {};
  const std::chrono::duration<double> due(static_cast<double>(started_) /
                                          static_cast<double>(options_.rate_limit));
  const auto ahead = due - (std::chrono::steady_clock::now() - begun_);
  if (ahead.count() <= 0) co_return {};
  co_return co_await async::Loop::current_thread().sleep_for(
      std::chrono::duration_cast<std::chrono::nanoseconds>(ahead));
}

Task<> CopyJob::do_item(CopyItem item, uint64_t number) {
  uint64_t length = 0;
  for (const CopySegment& segment : item.segments) length += segment.length;
  const Result<void> done = co_await read_and_write(item, number);
  if (!done) {
    turns_.give_up();
    co_return done;
  }
  report(length);
  co_return {};
}

void CopyJob::report(uint64_t length) {
  if (!options_.progress.report) return;
  done_ += length;
  options_.progress.report(done_, total_);
}

Task<> CopyJob::read_and_write(CopyItem& item, uint64_t number) {
  if (offload_) CO_TRY(co_await offload(item));
  BufferPool::Lease lease;
  const bool has_data = std::ranges::any_of(item.segments, &CopySegment::data);
  if (has_data) {
    CO_TRY_ASSIGN(lease, buffers_.take());
    CO_TRY(co_await read_data(item, lease.span()));
  }
  const std::vector<SparseRun> runs = split(item, lease.span());
  if (options_.compress) {
    const Result<std::vector<graph::Packed>> packed =
        co_await pack_runs(runs, item.buffer_base(), lease.span());
    CO_TRY(co_await turns_.wait(number));
    if (!packed) co_return std::unexpected(packed.error());
    co_return co_await write_packed_runs(runs, *packed);
  }
  CO_TRY(co_await turns_.wait(number));
  co_return co_await write_runs(runs, item.buffer_base(), lease.span());
}

Task<> CopyJob::offload(CopyItem& item) {
  std::vector<CopySegment> left;
  for (const CopySegment& segment : item.segments) {
    bool copied = false;
    if (segment.data && offload_) {
      const auto tried =
          co_await copy_by_offload(sources_, *target_, segment.offset, segment.length);
      if (!tried) {
        co_return std::unexpected(
            while_doing("error while writing at byte ", segment.offset, tried.error()));
      }
      copied = *tried;
      if (!copied) offload_ = false;
    }
    if (!copied) left.push_back(segment);
  }
  if (!offload_) detect_zeroes_ = !as_it_is_;
  item.segments = std::move(left);
  co_return {};
}

Task<> CopyJob::read_data(const CopyItem& item, std::span<std::byte> buffer) {
  const uint64_t base = item.buffer_base();
  for (const CopySegment& segment : item.segments) {
    if (!segment.data) continue;
    CO_TRY(co_await read_or_salvage(segment.offset,
                                    buffer.subspan(segment.offset - base, segment.length)));
  }
  co_return {};
}

// Salvaging halves what cannot be read until the bad sectors are found.
Task<> CopyJob::read_or_salvage(uint64_t offset, std::span<std::byte> into) {
  const Result<void> done = co_await sources_.read(offset, into);
  if (done) co_return {};
  if (done.error().kind() == ErrorKind::cancelled) co_return done;
  if (!options_.salvage) {
    co_return std::unexpected(while_doing("error while reading at byte ", offset, done.error()));
  }
  if (into.size() > SourceSet::sector) {
    const size_t half = align_up(into.size() / 2, SourceSet::sector);
    CO_TRY(co_await read_or_salvage(offset, into.first(half)));
    co_return co_await read_or_salvage(offset + half, into.subspan(half));
  }
  if (options_.warn) {
    const Error told = while_doing("error while reading offset ", offset, done.error());
    options_.warn(told.message());
  }
  std::ranges::fill(into, std::byte{0});
  co_return {};
}

std::vector<SparseRun> CopyJob::split(const CopyItem& item, std::span<std::byte> buffer) {
  std::vector<SparseRun> runs;
  const uint64_t base = item.buffer_base();
  for (const CopySegment& segment : item.segments) {
    if (!segment.data) {
      append_run(runs, {segment.offset, segment.length, false});
      continue;
    }
    if (options_.compress) {
      const auto bytes = buffer.subspan(segment.offset - base, segment.length);
      for (const SparseRun& run : split_units(segment, bytes)) append_run(runs, run);
      continue;
    }
    // What the kernel cannot copy is looked at, from then on everywhere.
    if (segment.compressed && !as_it_is_) detect_zeroes_ = true;
    if (!detect_zeroes_) {
      append_run(runs, {segment.offset, segment.length, true});
      continue;
    }
    plan_.splitter().split(buffer.subspan(segment.offset - base, segment.length), segment.offset,
                           segment.run_begin, runs);
  }
  std::erase_if(runs, [&](const SparseRun& run) { return !run.data && leave_out_zeroes(run); });
  return runs;
}

// A unit is written whole unless all of it is zeroes.
std::vector<SparseRun> CopyJob::split_units(const CopySegment& segment,
                                            std::span<const std::byte> bytes) const {
  std::vector<SparseRun> runs;
  const size_t unit = plan_.unit();
  if (unit == 0 || options_.sparse_size == 0) return {{segment.offset, segment.length, true}};
  for (size_t at = 0; at < bytes.size(); at += unit) {
    const auto one = bytes.subspan(at, std::min(unit, bytes.size() - at));
    append_run(runs, {segment.offset + at, one.size(), !is_zero(one)});
  }
  return runs;
}

bool CopyJob::leave_out_zeroes(const SparseRun& run) const {
  return run.offset >= plan_.known_zero_from();
}

bool CopyJob::share_cluster(const SparseRun& left, const SparseRun& right) const {
  const uint32_t cluster = target_->format().geometry().cluster_size;
  return cluster != 0 && (left.offset + left.length - 1) / cluster == right.offset / cluster;
}

Task<> CopyJob::write_runs(const std::vector<SparseRun>& runs, uint64_t base,
                           std::span<const std::byte> buffer) {
  if (writes_overlap_ && runs.size() > 1) co_return co_await write_many(runs, base, buffer);
  if (writes_overlap_) turns_.done();
  for (const SparseRun& run : runs) CO_TRY(co_await write_run(run, base, buffer));
  if (!writes_overlap_) turns_.done();
  co_return {};
}

// Packing waits for nobody's turn: several items do it at once.
Task<std::vector<graph::Packed>> CopyJob::pack_runs(const std::vector<SparseRun>& runs,
                                                    uint64_t base,
                                                    std::span<const std::byte> buffer) {
  std::vector<graph::Packed> packed;
  for (const SparseRun& run : runs) {
    if (!run.data) continue;
    auto one = co_await target_->pack(run.offset, buffer.subspan(run.offset - base, run.length));
    if (!one) {
      co_return std::unexpected(
          while_doing("error while writing at byte ", run.offset, one.error()));
    }
    packed.push_back(std::move(*one));
  }
  co_return packed;
}

Task<> CopyJob::write_packed_runs(const std::vector<SparseRun>& runs,
                                  const std::vector<graph::Packed>& packed) {
  auto next = packed.begin();
  for (const SparseRun& run : runs) {
    if (!run.data) {
      CO_TRY(co_await write_run(run, 0, {}));
      continue;
    }
    uint64_t written = 0;
    const Result<void> done = co_await target_->write_packed(*next++, written);
    if (done) continue;
    if (done.error().kind() == ErrorKind::cancelled) co_return done;
    co_return std::unexpected(
        while_doing("error while writing at byte ", run.offset + written, done.error()));
  }
  turns_.done();
  co_return {};
}

// Begun in order; those that meet in one cluster one after the other, as each finds what the
// one before has made of it.
Task<> CopyJob::write_many(const std::vector<SparseRun>& runs, uint64_t base,
                           std::span<const std::byte> buffer) {
  constexpr size_t at_once = 16;
  async::TaskGroup writes(at_once);
  Result<void> begun;
  for (size_t i = 0; i < runs.size() && begun; ++i) {
    if (i != 0 && share_cluster(runs[i - 1], runs[i])) begun = co_await writes.join();
    if (!begun) break;
    Task<> work = write_run(runs[i], base, buffer);
    begun = co_await writes.spawn(std::move(work));
  }
  turns_.done();
  const Result<void> ended = co_await writes.join();
  CO_TRY(begun);
  co_return ended;
}

Task<> CopyJob::write_run(SparseRun run, uint64_t base, std::span<const std::byte> buffer) {
  Result<void> done;
  if (run.data) {
    const iovec slice = io_slice(buffer.subspan(run.offset - base, run.length));
    done = co_await target_->write(run.offset, IoSpan(&slice, 1));
  } else {
    const graph::ZeroFlags flags{.may_unmap = true};
    done = co_await target_->write_zeroes(run.offset, run.length, flags);
  }
  if (done || done.error().kind() == ErrorKind::cancelled) co_return done;
  co_return std::unexpected(while_doing("error while writing at byte ", run.offset, done.error()));
}

}  // namespace oxbow::jobs
