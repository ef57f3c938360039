// Compressed clusters that were unpacked lately, within a bound of memory. Known by their L2 entry:
// where the packed bytes lie says what they are, as long as nobody writes to that place.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "base/buffer.h"

namespace oxbow::format::qcow2 {

class UnpackedCache {
 public:
  /// Holds as many clusters as fit, at least one.
  UnpackedCache(uint64_t bytes, uint32_t cluster_size)
      : most_(std::max<uint64_t>(bytes / cluster_size, 1)) {}

  /// nullptr where it is not there.
  [[nodiscard]] std::shared_ptr<const Buffer> find(uint64_t entry) {
    const auto found = places_.find(entry);
    if (found == places_.end()) return nullptr;
    clusters_.splice(clusters_.begin(), clusters_, found->second);
    return found->second->plain;
  }

  /// The one that was asked for longest ago makes room.
  void put(uint64_t entry, std::shared_ptr<const Buffer> plain) {
    drop(entry);
    if (clusters_.size() >= most_) {
      places_.erase(clusters_.back().entry);
      clusters_.pop_back();
    }
    clusters_.push_front({entry, std::move(plain)});
    places_[entry] = clusters_.begin();
  }

  /// The place holds something else now.
  void drop(uint64_t entry) {
    const auto found = places_.find(entry);
    if (found == places_.end()) return;
    clusters_.erase(found->second);
    places_.erase(found);
  }
  void clear() {
    places_.clear();
    clusters_.clear();
  }
  [[nodiscard]] size_t size() const { return clusters_.size(); }

 private:
  struct Cluster {
    uint64_t entry;
    std::shared_ptr<const Buffer> plain;
  };

  uint64_t most_;
  std::list<Cluster> clusters_;  // the latest first
  std::unordered_map<uint64_t, std::list<Cluster>::iterator> places_;
};

}  // namespace oxbow::format::qcow2
