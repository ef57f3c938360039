#include "jobs/sparse_runs.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "jobs/zero_scan.h"

namespace oxbow::jobs {

void append_run(std::vector<SparseRun>& runs, SparseRun run) {
  if (!runs.empty()) {
    SparseRun& last = runs.back();
    if (last.data == run.data && last.offset + last.length == run.offset) {
      last.length += run.length;
      return;
    }
  }
  runs.push_back(run);
}

SparseSplitter::SparseSplitter(uint64_t sparse_size)
    : sparse_size_(sparse_size),
      block_(sparse_size == 0 ? 0 : std::bit_floor(sparse_size)),
      needs_stock_steps_(block_ != sparse_size || sparse_size > step) {}

void SparseSplitter::split(std::span<const std::byte> bytes, uint64_t offset, uint64_t run_begin,
                           std::vector<SparseRun>& out) const {
  if (bytes.empty()) return;
  if (sparse_size_ == 0) return append_run(out, {offset, bytes.size(), true});
  while (!bytes.empty()) {
    const uint64_t to_step = step - (offset - run_begin) % step;
    const size_t length = std::min<uint64_t>(bytes.size(), to_step);
    scan(bytes.first(length), offset, out);
    bytes = bytes.subspan(length);
    offset += length;
  }
}

// One of the stock tool's looks at its buffer.
void SparseSplitter::scan(std::span<const std::byte> bytes, uint64_t offset,
                          std::vector<SparseRun>& out) const {
  std::vector<SparseRun> found;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t block_end = align_down(offset + at, block_) + block_;
    const size_t length = std::min<uint64_t>(block_end - (offset + at), bytes.size() - at);
    append_run(found, {offset + at, length, !is_zero(bytes.subspan(at, length))});
    at += length;
  }
  for (size_t i = 1; i + 1 < found.size(); ++i) {
    if (found[i].length < sparse_size_) found[i].data = true;
  }
  for (const SparseRun& run : found) append_run(out, run);
}

}  // namespace oxbow::jobs
