// Ranges that somebody is busy with, for asking whether a place is among them. Holding and
// letting go cost a few instructions; asking looks at each held range.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace oxbow {

class HeldRanges {
 public:
  /// Lets go when destroyed. Must not outlive the set.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept : ranges_(std::exchange(other.ranges_, nullptr)), at_(other.at_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(ranges_, other.ranges_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~Hold() {
      if (ranges_ != nullptr) ranges_->let_go(at_);
    }

   private:
    friend class HeldRanges;
    Hold(HeldRanges* ranges, uint32_t at) : ranges_(ranges), at_(at) {}
    HeldRanges* ranges_ = nullptr;
    uint32_t at_ = 0;
  };

  [[nodiscard]] Hold hold(uint64_t begin, uint64_t end) {
    if (idle_.empty()) {
      held_.push_back({begin, end});
      return {this, static_cast<uint32_t>(held_.size() - 1)};
    }
    const uint32_t at = idle_.back();
    idle_.pop_back();
    held_[at] = {begin, end};
    return {this, at};
  }

  [[nodiscard]] bool any_in(uint64_t begin, uint64_t end) const {
    return std::ranges::any_of(
        held_, [=](const Range& range) { return range.begin < end && begin < range.end; });
  }

 private:
  struct Range {
    uint64_t begin;
    uint64_t end;
  };
  void let_go(uint32_t at) {
    held_[at] = {};
    idle_.push_back(at);
  }

  std::vector<Range> held_;  // empty ones are idle
  std::vector<uint32_t> idle_;
};

}  // namespace oxbow
