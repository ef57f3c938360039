#include "graph/throttle.h"

#include <algorithm>

#include "async/loop.h"
#include "base/invalid.h"

namespace oxbow {

namespace {

constexpr uint64_t highest = 1000000000000000;
constexpr double burst_without_maximum = 0.1;  // seconds' worth
constexpr double waits_at_most = 3600;         // seconds, before it looks again

bool is_set(const ThrottleLimit& limit) { return limit.average != 0 || limit.maximum != 0; }

bool excludes(const ThrottleLimit& total, const ThrottleLimit& read, const ThrottleLimit& write) {
  const auto both = [&](uint64_t ThrottleLimit::* part) {
    return total.*part != 0 && (read.*part != 0 || write.*part != 0);
  };
  return both(&ThrottleLimit::average) || both(&ThrottleLimit::maximum);
}

Result<void> check_limit(const ThrottleLimit& limit) {
  if (limit.average > highest || limit.maximum > highest) {
    return invalid("bps/iops/max values must be within [0, 1000000000000000]");
  }
  if (limit.length == 0) return invalid("the burst length cannot be 0");
  if (limit.length > 1 && limit.maximum == 0) return invalid("burst length set without burst rate");
  if (limit.maximum != 0 && limit.length > highest / limit.maximum) {
    return invalid("burst length too high for this burst rate");
  }
  if (limit.maximum != 0 && limit.average == 0) {
    return invalid("bps_max/iops_max require corresponding bps/iops values");
  }
  if (limit.maximum != 0 && limit.maximum < limit.average) {
    return invalid("bps_max/iops_max cannot be lower than bps/iops");
  }
  return {};
}

}  // namespace

Result<void> ThrottleLimits::check() const {
  if (excludes(bps_total, bps_read, bps_write) || excludes(iops_total, iops_read, iops_write)) {
    return invalid(
        "bps/iops/max total values and read/write values cannot be used at the same time");
  }
  if (iops_size != 0 && !is_set(iops_total) && !is_set(iops_read) && !is_set(iops_write)) {
    return invalid("iops size requires an iops value to be set");
  }
  for (const ThrottleLimit* limit :
       {&bps_total, &bps_read, &bps_write, &iops_total, &iops_read, &iops_write}) {
    TRY(check_limit(*limit));
  }
  return {};
}

namespace graph {

void LeakyBucket::leak(double seconds) {
  level_ = std::max(0.0, level_ - static_cast<double>(limit_.average) * seconds);
  burst_level_ = std::max(0.0, burst_level_ - static_cast<double>(limit_.maximum) * seconds);
}

void LeakyBucket::fill(double units) {
  if (limit_.average == 0) return;
  level_ += units;
  burst_level_ += units;
}

double LeakyBucket::wait() const {
  if (limit_.average == 0) return 0;
  const auto average = static_cast<double>(limit_.average);
  const auto maximum = static_cast<double>(limit_.maximum);
  const double room = limit_.maximum == 0 ? average * burst_without_maximum
                                          : maximum * static_cast<double>(limit_.length);
  double out = std::max(0.0, level_ - room) / average;
  if (limit_.length > 1) {
    out = std::max(out, (burst_level_ - maximum * burst_without_maximum) / maximum);
  }
  return std::max(0.0, out);
}

}  // namespace graph

ThrottleGroup::ThrottleGroup(const ThrottleLimits& limits)
    : state_(std::make_unique<State>(limits)) {}
ThrottleGroup::~ThrottleGroup() = default;

ThrottleGroup::State::State(const ThrottleLimits& limits)
    : total_{graph::LeakyBucket(limits.bps_total), graph::LeakyBucket(limits.iops_total)},
      one_way_{
          Counted{graph::LeakyBucket(limits.bps_read), graph::LeakyBucket(limits.iops_read)},
          Counted{graph::LeakyBucket(limits.bps_write), graph::LeakyBucket(limits.iops_write)}},
      iops_size_(limits.iops_size),
      last_(std::chrono::steady_clock::now()) {}

void ThrottleGroup::State::pass_time() {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  for (Counted* counted : {&total_, &one_way_[0], &one_way_[1]}) {
    counted->bytes.leak(seconds);
    counted->requests.leak(seconds);
  }
}

double ThrottleGroup::State::wait_for(bool is_write) const {
  const Counted& way = one_way_[is_write];
  return std::max(
      {total_.bytes.wait(), total_.requests.wait(), way.bytes.wait(), way.requests.wait()});
}

void ThrottleGroup::State::count(bool is_write, uint64_t length) {
  const auto bytes = static_cast<double>(length);
  const double requests =
      iops_size_ == 0 ? 1.0 : std::max(1.0, bytes / static_cast<double>(iops_size_));
  for (Counted* counted : {&total_, &one_way_[is_write]}) {
    counted->bytes.fill(bytes);
    counted->requests.fill(requests);
  }
}

async::Task<> ThrottleGroup::State::admit(bool is_write, uint64_t length) {
  CO_TRY_ASSIGN(const async::Mutex::Guard turn, co_await queue_[is_write].lock());
  for (pass_time(); wait_for(is_write) > 0; pass_time()) {
    const std::chrono::duration<double> pause(std::min(wait_for(is_write), waits_at_most));
    CO_TRY(co_await async::Loop::current_thread().sleep_for(
        std::chrono::ceil<std::chrono::nanoseconds>(pause)));
  }
  count(is_write, length);
  co_return {};
}

}  // namespace oxbow
