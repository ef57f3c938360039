#include "storage/crash_states.h"

#include <algorithm>
#include <numeric>

namespace oxbow::storage {

CrashStates::CrashStates(const CrashLog& log, CrashOptions options)
    : log_(log), options_(options), random_(options.seed), base_(log.start) {
  while (epoch_ < options_.first_epoch && epoch_ < log_.epochs.size()) {
    for (const CrashOperation& operation : log_.epochs[epoch_]) operation.apply_to(base_);
    ++epoch_;
  }
  if (epoch_ < log_.epochs.size()) enter_epoch();
}

std::optional<CrashState> CrashStates::next() {
  while (epoch_ < log_.epochs.size()) {
    if (next_candidate_ < candidates_.size()) {
      const Candidate& candidate = candidates_[next_candidate_++];
      ++counts_.states;
      if (candidate.torn_sectors) ++counts_.torn;
      return build(candidate);
    }
    for (const CrashOperation& operation : log_.epochs[epoch_]) operation.apply_to(base_);
    if (++epoch_ < log_.epochs.size()) enter_epoch();
  }
  return std::nullopt;
}

void CrashStates::enter_epoch() {
  const size_t count = log_.epochs[epoch_].size();
  candidates_.clear();
  next_candidate_ = 0;
  counts_.epochs += count != 0 ? 1 : 0;
  counts_.longest_epoch = std::max(counts_.longest_epoch, count);
  if (count <= options_.exhaustive) {
    add_all_subsets(count);
  } else {
    ++counts_.sampled_epochs;
    add_chosen_subsets(count);
  }
  std::erase_if(candidates_, [this](const Candidate& c) { return !legal(c.present); });
  // With everything there the epoch equals the next one with nothing, about which more
  // is promised: that one is looked at.
  if (count != 0 && epoch_ + 1 < log_.epochs.size()) {
    std::erase_if(candidates_, [count](const Candidate& c) { return c.present.size() == count; });
  }
  if (options_.torn) add_torn();
}

void CrashStates::add_all_subsets(size_t count) {
  for (uint64_t mask = 0; mask < uint64_t{1} << count; ++mask) {
    Candidate candidate;
    for (size_t i = 0; i < count; ++i) {
      if ((mask >> i & 1) != 0) candidate.present.push_back(i);
    }
    candidates_.push_back(std::move(candidate));
  }
}

void CrashStates::add_chosen_subsets(size_t count) {
  std::set<Subset> chosen;
  for (size_t end = 0; end <= count; ++end) {
    Subset prefix(end);
    std::iota(prefix.begin(), prefix.end(), size_t{0});
    const size_t first_missing = end - std::min(end, options_.exhaustive);
    for (size_t missing = first_missing; missing < end; ++missing) {
      Subset without = prefix;
      without.erase(without.begin() + static_cast<ptrdiff_t>(missing));
      chosen.insert(std::move(without));
    }
    if (end != 0) chosen.insert(Subset{end - 1});
    chosen.insert(std::move(prefix));
  }
  for (size_t sample = 0; sample < options_.samples; ++sample) {
    // Ends and densities differ, or nearly all samples would lack about half of the whole.
    const size_t end = 1 + random_() % count;
    const uint64_t present_of_16 = 1 + random_() % 15;
    Subset subset;
    for (size_t i = 0; i < end; ++i) {
      if (random_() % 16 < present_of_16) subset.push_back(i);
    }
    chosen.insert(std::move(subset));
  }
  for (const Subset& subset : chosen) candidates_.push_back({subset, std::nullopt});
}

void CrashStates::add_torn() {
  const size_t whole = candidates_.size();
  for (size_t i = 0; i < whole; ++i) {
    const Subset present = candidates_[i].present;
    if (present.empty()) continue;
    const CrashOperation& last = log_.epochs[epoch_][present.back()];
    const bool tears = last.kind == CrashOperation::Kind::write && last.length > options_.sector;
    if (tears) candidates_.push_back({present, random_()});
  }
}

bool CrashStates::legal(const Subset& subset) const {
  if (subset.empty()) return true;
  for (size_t i = 0; i < subset.back(); ++i) {
    if (log_.epochs[epoch_][i].fua && !std::ranges::binary_search(subset, i)) return false;
  }
  return true;
}

void CrashStates::apply_torn(const CrashOperation& operation, uint64_t seed,
                             SparseBytes& bytes) const {
  std::mt19937_64 random(seed);
  const uint64_t end = operation.offset + operation.length;
  for (uint64_t at = operation.offset; at < end;) {
    const uint64_t stop = std::min(end, (at / options_.sector + 1) * options_.sector);
    if (random() % 2 == 0) {
      const auto sector = std::span(*operation.data).subspan(at - operation.offset, stop - at);
      const iovec part = io_slice(sector);
      bytes.write(at, IoSpan(&part, 1));
    }
    at = stop;
  }
}

CrashState CrashStates::build(const Candidate& candidate) const {
  const std::vector<CrashOperation>& operations = log_.epochs[epoch_];
  CrashState state{base_, epoch_, candidate.present, "after flush " + std::to_string(epoch_)};
  const char* separator = ": ";
  for (const size_t i : candidate.present) {
    const bool torn = candidate.torn_sectors && i == candidate.present.back();
    if (torn) {
      apply_torn(operations[i], *candidate.torn_sectors, state.contents);
    } else {
      operations[i].apply_to(state.contents);
    }
    state.description += separator + operations[i].describe() + (torn ? " (torn)" : "");
    separator = ", ";
  }
  return state;
}

}  // namespace oxbow::storage
