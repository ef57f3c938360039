#include "jobs/copy_plan.h"

#include <algorithm>

#include "base/bytes.h"
#include "jobs/while_doing.h"

namespace oxbow::jobs {

namespace {

uint64_t zero_from(graph::Node& target, const CopyOptions& options) {
  if (!options.target_is_zero) return UINT64_MAX;
  if (options.target_has_backing && target.backing()) return target.backing()->virtual_size();
  return 0;
}

}  // namespace

uint64_t CopyItem::buffer_base() const {
  const auto first = std::ranges::find(segments, true, &CopySegment::data);
  return first == segments.end() ? 0 : align_down(first->offset, 4096);
}

CopyPlan::CopyPlan(SourceSet& sources, graph::Node& target, const CopyOptions& options)
    : sources_(sources),
      options_(options),
      splitter_(options.sparse_size),
      write_everything_(options.sparse_size == 0),
      unit_(options.compress ? target.format().compressed_unit() : 0),
      known_zero_from_(zero_from(target, options)) {}

CopyPlan::PlacedRun::Need CopyPlan::need_for(SourceRun::Kind kind, PlacedRun& run) const {
  switch (kind) {
    case SourceRun::Kind::data: return PlacedRun::Need::copy;
    case SourceRun::Kind::shared: return PlacedRun::Need::nothing;
    case SourceRun::Kind::zero: break;
  }
  if (write_everything_) return PlacedRun::Need::copy;
  if (run.begin >= known_zero_from_) return PlacedRun::Need::nothing;
  run.end = std::min(run.end, known_zero_from_);
  return PlacedRun::Need::zero;
}

// To the end of the range that `offset` lies in, or, with nothing to do, to the next range.
CopyPlan::PlacedRun CopyPlan::wanted_from(uint64_t offset) const {
  if (!options_.ranges) return {offset, size(), PlacedRun::Need::copy};
  const auto next =
      std::ranges::upper_bound(*options_.ranges, offset, {},
                               [](const ByteRange& range) { return range.offset + range.length; });
  if (next == options_.ranges->end()) return {offset, size(), PlacedRun::Need::nothing};
  if (next->offset > offset) {
    return {offset, std::min(next->offset, size()), PlacedRun::Need::nothing};
  }
  return {offset, std::min(next->offset + next->length, size()), PlacedRun::Need::copy};
}

Task<CopyPlan::PlacedRun> CopyPlan::placed_run(uint64_t offset) {
  if (offset >= current_.begin && offset < current_.end) co_return current_;
  const PlacedRun wanted = wanted_from(offset);
  if (wanted.need == PlacedRun::Need::nothing) co_return current_ = wanted;
  const Result<SourceRun> found = co_await sources_.run_at(offset, wanted.end - offset);
  if (!found) {
    const Error told =
        while_doing("error while reading block status at offset ", offset, found.error());
    if (!options_.salvage || told.kind() == ErrorKind::cancelled) co_return std::unexpected(told);
    if (options_.warn) options_.warn(told.message());
    co_return PlacedRun{offset, std::min(offset + SourceSet::sector, size()),
                        PlacedRun::Need::salvage};
  }
  PlacedRun run{offset, offset + found->length, PlacedRun::Need::nothing, found->compressed};
  run.need = need_for(found->kind, run);
  current_ = run;
  co_return run;
}

// Where data is written in whole units: those that are all of a kind, or one that is not, which is
// copied. `offset` begins a unit.
Task<CopyPlan::PlacedRun> CopyPlan::run_of_units(uint64_t offset) {
  CO_TRY_ASSIGN(PlacedRun run, co_await placed_run(offset));
  if (unit_ == 0) co_return run;
  if (run.need == PlacedRun::Need::salvage) run.need = PlacedRun::Need::copy;
  if (run.end != size()) run.end = align_down(run.end, unit_);
  if (run.end > offset) co_return run;
  co_return PlacedRun{offset, std::min(offset + unit_, size()), PlacedRun::Need::copy,
                      run.compressed};
}

// Data stays inside one window. A run that needs no buffer may reach over many; the item
// then ends at the last boundary of a window inside it.
Task<CopyItem> CopyPlan::item_at(uint64_t offset) {
  CopyItem item;
  uint64_t stop = std::min(align_down(offset, window) + window, size());
  uint64_t at = offset;
  while (at < stop) {
    CO_TRY_ASSIGN(const PlacedRun run, co_await run_of_units(at));
    uint64_t end = std::min(run.end, stop);
    if (run.need != PlacedRun::Need::copy && run.end > stop) {
      end = run.end == size() ? run.end : std::max(align_down(run.end, window), stop);
      stop = end;
    }
    const bool copies = run.need == PlacedRun::Need::copy;
    const bool salvages = run.need == PlacedRun::Need::salvage;
    if (copies && unit_ == 0 && splitter_.needs_stock_steps()) {
      const uint64_t step_end =
          run.begin + align_down(at - run.begin, SparseSplitter::step) + SparseSplitter::step;
      end = std::min(run.end, step_end);
      stop = end;
    }
    if (run.need != PlacedRun::Need::nothing) {
      item.segments.push_back({at, end - at, copies || salvages, run.begin, run.compressed});
    }
    at = end;
  }
  item.end = at;
  co_return item;
}

Task<uint64_t> CopyPlan::work_in_all() {
  uint64_t total = 0;
  for (uint64_t at = 0; at < size();) {
    CO_TRY_ASSIGN(const PlacedRun run, co_await run_of_units(at));
    if (run.need != PlacedRun::Need::nothing) total += run.end - at;
    at = run.end;
  }
  co_return total;
}

}  // namespace oxbow::jobs
