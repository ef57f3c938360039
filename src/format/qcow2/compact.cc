#include "format/qcow2/compact.h"

#include "format/qcow2/check_refcounts.h"
#include "format/qcow2/survey.h"

namespace oxbow::format::qcow2 {
namespace {

// Clusters moved between two flushes, at most.
constexpr uint64_t most_in_batch = 1 << 18;

}  // namespace

Task<> Compactor::plan() {
  storage::Source& file = gate_.file();
  result_.size_before = result_.size_after = file.size();
  CheckResult found;
  const FindingSink nobody;
  CheckReport report(found, nobody);
  RefcountReader counts(file, header_);
  CO_TRY(co_await counts.load());
  const SurveyOptions options;
  CO_TRY_ASSIGN(Survey seen, co_await survey(file, header_, counts, snapshots_, report, options));
  RefcountComparer comparer(file, header_, counts, seen.references, report);
  CO_TRY(co_await comparer.compare(div_round_up(file.size(), header_.cluster_size())));
  if (found.corruptions != 0 || found.check_errors != 0) {
    co_return fail(ErrorKind::corrupt,
                   file.filename() + ": a check finds errors in it: repair it before", EIO);
  }
  references_ = std::move(seen.references);
  CO_TRY(co_await note_counts());
  set_target();
  result_.moved = offset_of(to_move_);
  result_.leaked = offset_of(leaked_.count());
  result_.size_after = std::min(result_.size_before, offset_of(target_));
  co_return {};
}

// What is in use, and what of it is not counted as it is referred to.
Task<> Compactor::note_counts() {
  const uint64_t clusters = div_round_up(gate_.file().size(), header_.cluster_size());
  used_ = fixed_ = leaked_ = SparseBits(clusters);
  CountsInSlice near;
  for (uint64_t i = 0; i < clusters; ++i) {
    if (!near.covers(i)) {
      CO_TRY_ASSIGN(near, co_await refcounts_.counts_around(i));
    }
    const uint64_t count = near.count(i);
    const uint64_t references = references_.count(i);
    if (count == 0 && references == 0) continue;
    if (references == 0) {
      leaked_.set(i, 1);
      continue;
    }
    used_.set(i, 1);
    if (count != references) fixed_.set(i, 1);
  }
  co_return {};
}

// Everything in use side by side. Refcount blocks of regions that are empty
// then are not needed.
void Compactor::set_target() {
  const std::span<const uint64_t> blocks = refcounts_.blocks();
  target_ = used_.count();
  for (uint64_t before = UINT64_MAX; before != target_;) {
    before = target_;
    uint64_t needless = 0;
    for (uint64_t i = div_round_up(target_, refcounts_.per_block()); i < blocks.size(); ++i) {
      needless += blocks[i] != 0 ? 1 : 0;
    }
    target_ = used_.count() - needless;
  }
  for (const uint64_t block : blocks) {
    const uint64_t cluster = block >> header_.cluster_bits;
    if (block != 0 && cluster < fixed_.size()) fixed_.set(cluster, 1);
  }
  to_move_ = 0;
  for (uint64_t i = used_.next_set(target_); i < used_.size(); i = used_.next_set(i + 1)) {
    to_move_ += movable(i) ? 1 : 0;
  }
}

Task<> Compactor::settle() {
  CO_TRY(co_await refcounts_.apply(refcounts_.take_releases()));
  CO_TRY(co_await refcounts_.write_back());
  co_return co_await gate_.barrier();
}

Task<> Compactor::free_leaks() {
  for (uint64_t i = leaked_.next_set(0); i < leaked_.size(); i = leaked_.next_set(i + 1)) {
    CO_TRY_ASSIGN(const uint64_t count, co_await refcounts_.refcount(i));
    for (uint64_t k = 0; k < count; ++k) refcounts_.release(Writes::data, offset_of(i), 1);
  }
  co_return co_await settle();
}

std::optional<uint64_t> Compactor::take_destination() {
  for (;;) {
    const uint64_t cluster = used_.next_clear(next_free_);
    if (cluster >= target_) return std::nullopt;
    next_free_ = cluster + 1;
    if (!refcounts_.counts(cluster)) continue;
    used_.set(cluster, 1);
    return cluster;
  }
}

void Compactor::moved(uint64_t from, uint64_t to) {
  used_.clear(from, 1);
  used_.set(to, 1);
  result_.moved += header_.cluster_size();
  ++done_;
  tell_progress();
}

void Compactor::tell_progress() {
  if (options_.progress) options_.progress(offset_of(done_), offset_of(std::max(to_move_, done_)));
}

// From the end of the file on: whatever stops the work, what was done so far is
// a gain.
Task<> Compactor::for_windows(Task<bool> (Compactor::*batch)(Window)) {
  for (uint64_t end = used_.size(); end > target_;) {
    Window window{end, end};
    for (uint64_t count = 0; window.first > target_ && count < most_in_batch;) {
      count += movable(--window.first) ? 1 : 0;
    }
    for (;;) {
      CO_TRY_ASSIGN(const bool done, co_await (this->*batch)(window));
      if (done || window.end - window.first == 1) break;
      window.first += (window.end - window.first) / 2;
    }
    end = window.first;
  }
  co_return {};
}

Task<> Compactor::move() {
  result_.moved = 0;
  CO_TRY(co_await free_leaks());
  CO_TRY(co_await for_windows(&Compactor::move_tables));
  CO_TRY(co_await for_windows(&Compactor::move_data));
  CO_TRY(co_await for_windows(&Compactor::move_compressed));
  const std::span<const uint64_t> blocks = refcounts_.blocks();
  for (uint64_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] >> header_.cluster_bits < target_) continue;
    if (i * refcounts_.per_block() >= target_) continue;  // counts nothing before long
    const auto to = take_destination();
    if (!to) break;
    CO_TRY(co_await refcounts_.move_block(i, *to));
    CO_TRY(co_await settle());
  }
  co_return co_await refcounts_.move_table_down(end_aimed_at());
}

Task<> Compactor::finish() {
  CO_TRY(co_await settle());
  CO_TRY(co_await refcounts_.drop_empty_blocks());
  CO_TRY(co_await settle());
  CO_TRY_ASSIGN(const uint64_t end, co_await refcounts_.last_counted());
  uint64_t unmoved = 0;
  CountsInSlice near;
  for (uint64_t i = target_; i < end; ++i) {
    if (!near.covers(i)) {
      CO_TRY_ASSIGN(near, co_await refcounts_.counts_around(i));
    }
    unmoved += near.count(i) != 0 ? 1 : 0;
  }
  result_.unmoved = offset_of(unmoved);
  refcounts_.end_at(end);
  if (offset_of(end) < gate_.file().size()) {
    CO_TRY(co_await gate_.truncate(offset_of(end), storage::Preallocation::off));
    CO_TRY(co_await gate_.barrier());
  }
  result_.size_after = gate_.file().size();
  co_return co_await punch(end);
}

// A hint to the host: the image is compact without it.
Task<> Compactor::punch(uint64_t end) {
  uint64_t run = 0;
  CountsInSlice near;
  for (uint64_t i = 0; i <= end; ++i) {
    if (i < end && !near.covers(i)) {
      CO_TRY_ASSIGN(near, co_await refcounts_.counts_around(i));
    }
    if (i < end && near.count(i) == 0) {
      ++run;
      continue;
    }
    if (run != 0) (void)co_await gate_.discard(offset_of(i - run), offset_of(run));
    run = 0;
  }
  co_return {};
}

}  // namespace oxbow::format::qcow2
