// What one question to the overlap guard's index costs, in time and memory, beside three other
// ways to keep the same facts. Printed as Markdown; docs/overlap-guard.md discusses it.
//   guard_lookup [QUESTIONS]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <unordered_map>
#include <vector>

#include "format/qcow2/metadata_index.h"

namespace {

using namespace oxbow::format::qcow2;

using Clusters = std::vector<std::pair<uint64_t, ClassMask>>;  // sorted by cluster

/// A file whose metadata lies as an image's does that was filled from front to back.
struct Population {
  const char* name;
  uint64_t clusters;
  uint64_t l2_every;        // clusters from one L2 table to the next
  uint64_t refblock_every;  // likewise
};

const Population populations[] = {
    {"1 TiB, 64 KiB clusters", (uint64_t{1} << 40) >> 16, 8192, 32768},
    {"1 PiB, 64 KiB clusters", (uint64_t{1} << 50) >> 16, 8192, 32768},
    {"128 GiB, 4 KiB clusters", (uint64_t{1} << 37) >> 12, 512, 2048},
    {"8 GiB, 512 B clusters", (uint64_t{1} << 33) >> 9, 64, 256},
    {"64 MiB, 512 B clusters, every second one a table", (uint64_t{1} << 26) >> 9, 2, 256},
};

Clusters metadata_of(const Population& file) {
  Clusters out;
  for (uint64_t at = 0; at < file.clusters; at += file.l2_every) {
    out.emplace_back(at, class_bit(Writes::active_l2));
    if (at % file.refblock_every == 0) {
      out.emplace_back(at + 1, class_bit(Writes::refcount_block));
    }
  }
  return out;
}

class Index {
 public:
  explicit Index(const Clusters& all, uint64_t) {
    for (const auto& [cluster, classes] : all) index_.enter(cluster, 1, classes);
  }
  [[nodiscard]] bool hit(uint64_t cluster) const {
    return !index_.surely_free(cluster) &&
           index_.find(cluster, cluster, every_class).what != MetadataIndex::Found::What::nothing;
  }
  [[nodiscard]] uint64_t bytes() const { return index_.bytes(); }

 private:
  MetadataIndex index_{UINT64_MAX};
};

class Sorted {  // one sorted array of everything
 public:
  explicit Sorted(const Clusters& all, uint64_t) {
    for (const auto& [cluster, classes] : all) clusters_.push_back(cluster << 12 | classes);
  }
  [[nodiscard]] bool hit(uint64_t cluster) const {
    const auto at = std::lower_bound(clusters_.begin(), clusters_.end(), cluster << 12);
    return at != clusters_.end() && *at >> 12 == cluster;
  }
  [[nodiscard]] uint64_t bytes() const { return clusters_.size() * 8; }

 private:
  std::vector<uint64_t> clusters_;
};

class Hashed {
 public:
  explicit Hashed(const Clusters& all, uint64_t) {
    for (const auto& [cluster, classes] : all) table_.emplace(cluster, classes);
  }
  [[nodiscard]] bool hit(uint64_t cluster) const { return table_.contains(cluster); }
  // A node of the library's table is a link, the pair, and the allocator's share.
  [[nodiscard]] uint64_t bytes() const { return table_.size() * 32 + table_.bucket_count() * 8; }

 private:
  std::unordered_map<uint64_t, ClassMask> table_;
};

class Flat {  // a byte for every cluster of the file
 public:
  explicit Flat(const Clusters& all, uint64_t clusters) : bytes_(clusters) {
    for (const auto& [cluster, classes] : all) bytes_[cluster] = static_cast<uint8_t>(classes);
  }
  [[nodiscard]] bool hit(uint64_t cluster) const { return bytes_[cluster] != 0; }
  [[nodiscard]] uint64_t bytes() const { return bytes_.size(); }

 private:
  std::vector<uint8_t> bytes_;
};

double nanoseconds(auto ask, const std::vector<uint64_t>& questions) {
  uint64_t hits = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (const uint64_t cluster : questions) hits += ask(cluster) ? 1 : 0;
  const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
  if (hits == UINT64_MAX) std::abort();  // the answers are used
  return time.count() / static_cast<double>(questions.size());
}

template <class Structure>
void measure(const char* name, const Population& file, const Clusters& all, size_t count) {
  const Structure structure(all, file.clusters);
  std::mt19937_64 random(1);
  std::vector<uint64_t> hot(count);
  std::vector<uint64_t> anywhere(count);
  for (size_t i = 0; i < count; ++i) {
    hot[i] = file.clusters / 2 + i % 8 + 3;
    anywhere[i] = random() % file.clusters;
  }
  const auto ask = [&](uint64_t cluster) { return structure.hit(cluster); };
  const double near = nanoseconds(ask, hot);
  const double far = nanoseconds(ask, anywhere);
  fmt::print("| {} | {} | {:.1f} | {:.1f} | {} | {:.1f} |\n", file.name, name, near, far,
             structure.bytes(),
             static_cast<double>(structure.bytes()) / static_cast<double>(all.size()));
}

}  // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2'000'000;
  fmt::print(
      "| file | structure | ns a check, hot | ns a check, random | bytes | bytes a metadata "
      "cluster |\n|---|---|---|---|---|---|\n");
  for (const Population& file : populations) {
    const Clusters all = metadata_of(file);
    measure<Index>("chunks (Oxbow)", file, all, count);
    measure<Sorted>("one sorted array", file, all, count);
    measure<Hashed>("hash table", file, all, count);
    if (file.clusters <= uint64_t{1} << 30) measure<Flat>("a byte a cluster", file, all, count);
  }
  return 0;
}
