#include "format/qcow2/overlap_guard.h"

#include <algorithm>
#include <map>

namespace oxbow::format::qcow2 {
namespace {

using What = MetadataIndex::Found::What;

constexpr uint64_t least_limit = 1 << 20;
constexpr uint64_t most_limit = 256 << 20;

// The index never needs more than about a byte a cluster; what it uses is far less.
uint64_t sane_limit(uint64_t file_bytes, unsigned cluster_bits) {
  return std::clamp(file_bytes >> cluster_bits, least_limit, most_limit);
}

}  // namespace

OverlapGuard::OverlapGuard(storage::Source& file, const Header& header,
                           const TablesInMemory& tables, GuardOptions options,
                           OnMemoryLimit on_memory_limit)
    : file_(file),
      header_(header),
      tables_(tables),
      options_(options),
      on_memory_limit_(std::move(on_memory_limit)),
      cluster_bits_(header.cluster_bits),
      index_(options_.memory_limit.value_or(least_limit),
             [this](uint64_t first, uint64_t count) { on_lost(first, count); }) {
  adapt_limit();
}

void OverlapGuard::adapt_limit() {
  if (options_.memory_limit) return;
  index_.set_limit(std::max(index_.limit(), sane_limit(file_.size(), cluster_bits_)));
}

void OverlapGuard::on_lost(uint64_t first, uint64_t count) {
  if (!on_memory_limit_) return;
  MemoryLimitReached lost{first << cluster_bits_, std::nullopt};
  if (count != 0) lost.length = count << cluster_bits_;
  on_memory_limit_(lost);
}

Task<> OverlapGuard::ensure_built() {
  if (built_ || options_.checked == 0) co_return {};
  CO_TRY_ASSIGN(auto guard, co_await building_.lock());
  if (built_) co_return {};
  adapt_limit();
  CO_TRY(co_await scan_metadata(file_, header_, tables_, every_class,
                                [this](Writes kind, uint64_t offset, uint64_t length) {
                                  const Clusters in = clusters_of(offset, length);
                                  index_.enter(in.first, in.last - in.first + 1, class_bit(kind));
                                }));
  built_ = true;
  co_return {};
}

bool OverlapGuard::belongs_to(Writes kind, Clusters clusters) const {
  const ClassMask own = class_bit(kind) & options_.checked;
  for (uint64_t cluster = clusters.first; cluster <= clusters.last; ++cluster) {
    if ((index_.classes_of(cluster) & options_.checked) != own) return false;
  }
  return true;
}

void OverlapGuard::enter(Writes kind, uint64_t offset, uint64_t length) {
  if (!built_ || length == 0) return;
  const Clusters in = clusters_of(offset, length);
  adapt_limit();
  index_.enter(in.first, in.last - in.first + 1, class_bit(kind));
}

void OverlapGuard::leave(Writes kind, uint64_t offset, uint64_t length) {
  if (!built_ || length == 0) return;
  const Clusters in = clusters_of(offset, length);
  index_.leave(in.first, in.last - in.first + 1, class_bit(kind));
}

Task<std::optional<Overlap>> OverlapGuard::ask(Writes what, uint64_t offset, uint64_t length) {
  if (options_.checked == 0 || length == 0) co_return std::nullopt;
  CO_TRY(co_await ensure_built());
  const Clusters in = clusters_of(offset, length);
  CO_TRY_ASSIGN(const auto foreign, co_await find_foreign(options_.checked & ~class_bit(what), in));
  if (foreign || (class_bit(what) & options_.checked) == 0) co_return foreign;
  co_return co_await find_unowned(what, in);
}

Task<std::optional<Overlap>> OverlapGuard::find_foreign(ClassMask wanted, Clusters in) {
  while (in.first <= in.last) {
    const MetadataIndex::Found found = index_.find(in.first, in.last, wanted);
    if (found.what == What::nothing) co_return std::nullopt;
    if (found.what == What::metadata) {
      co_return Overlap{found.cluster << cluster_bits_, ClassMask(found.classes & wanted)};
    }
    // Nothing is known from here to the end of the chunk at least.
    const uint64_t end = std::min(in.last, found.cluster | (MetadataIndex::chunk_clusters - 1));
    if (!options_.unprotected_when_full) {
      CO_TRY_ASSIGN(const auto overlap, co_await ask_tables(wanted, {found.cluster, end}));
      if (overlap) co_return overlap;
    }
    in.first = end + 1;
  }
  co_return std::nullopt;
}

// Where nothing is known, a table that is not linked yet cannot be told from a stray write.
Task<std::optional<Overlap>> OverlapGuard::find_unowned(Writes what, Clusters in) {
  for (uint64_t cluster = in.first; cluster <= in.last; ++cluster) {
    if (index_.find(cluster, cluster, class_bit(what)).what != What::nothing) continue;
    co_return Overlap{cluster << cluster_bits_, 0};
  }
  co_return std::nullopt;
}

Task<std::optional<Overlap>> OverlapGuard::ask_tables(ClassMask wanted, Clusters clusters) {
  std::optional<Overlap> overlap;
  CO_TRY(co_await scan_metadata(
      file_, header_, tables_, wanted, [&](Writes kind, uint64_t offset, uint64_t length) {
        const Clusters at = clusters_of(offset, length);
        if (at.last < clusters.first || at.first > clusters.last) return;
        if (!overlap) overlap = Overlap{std::max(at.first, clusters.first) << cluster_bits_, 0};
        overlap->classes |= class_bit(kind);
      }));
  co_return overlap;
}

Task<std::string> OverlapGuard::difference_from_scan() {
  if (!built_ || !index_.complete()) co_return std::string();
  std::map<uint64_t, ClassMask> truth;
  CO_TRY(co_await scan_metadata(file_, header_, tables_, every_class,
                                [&](Writes kind, uint64_t offset, uint64_t length) {
                                  const Clusters in = clusters_of(offset, length);
                                  for (uint64_t i = in.first; i <= in.last; ++i) {
                                    truth[i] |= class_bit(kind);
                                  }
                                }));
  const auto name = [](uint64_t cluster, ClassMask index, ClassMask tables) {
    return "cluster " + std::to_string(cluster) + ": classes " + std::to_string(index) +
           " in the index, " + std::to_string(tables) + " in the tables";
  };
  const uint64_t end = (file_.size() >> cluster_bits_) + 1;
  for (uint64_t at = 0; at < end;) {
    const MetadataIndex::Found found = index_.find(at, end, every_class);
    if (found.what == What::nothing) break;
    const auto known = truth.find(found.cluster);
    const ClassMask expected = known == truth.end() ? ClassMask{0} : known->second;
    if (expected != found.classes) co_return name(found.cluster, found.classes, expected);
    at = found.cluster + 1;
  }
  for (const auto& [cluster, classes] : truth) {
    const ClassMask indexed = index_.classes_of(cluster);
    if (indexed != classes) co_return name(cluster, indexed, classes);
  }
  co_return std::string();
}

}  // namespace oxbow::format::qcow2
