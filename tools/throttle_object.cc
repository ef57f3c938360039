#include "throttle_object.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>

#include "base/invalid.h"

namespace oxbow::tools {
namespace {

using Properties = std::map<std::string, std::string>;

struct NamedLimit {
  const char* name;
  ThrottleLimit ThrottleLimits::* limit;
};

constexpr NamedLimit named_limits[] = {
    {"bps-total", &ThrottleLimits::bps_total}, {"bps-read", &ThrottleLimits::bps_read},
    {"bps-write", &ThrottleLimits::bps_write}, {"iops-total", &ThrottleLimits::iops_total},
    {"iops-read", &ThrottleLimits::iops_read}, {"iops-write", &ThrottleLimits::iops_write},
};

Result<void> take_number(Properties& properties, const std::string& name, uint64_t& into) {
  for (const char* prefix : {"limits.", "x-"}) {
    const auto found = properties.find(prefix + name);
    if (found == properties.end()) continue;
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(found->second.c_str(), &end, 0);
    if (errno != 0 || *end != '\0' || end == found->second.c_str()) {
      return invalid(fmt::format("Parameter '{}' expects integer", found->first));
    }
    if (value < 0) return invalid("bps/iops/max values must be within [0, 1000000000000000]");
    into = static_cast<uint64_t>(value);
    properties.erase(found);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<ThrottleGroup>> make_throttle_group(Properties properties) {
  ThrottleLimits limits;
  for (const NamedLimit& one : named_limits) {
    ThrottleLimit& limit = limits.*one.limit;
    const std::string name = one.name;
    if (auto taken = take_number(properties, name, limit.average); !taken) {
      return std::unexpected(taken.error());
    }
    if (auto taken = take_number(properties, name + "-max", limit.maximum); !taken) {
      return std::unexpected(taken.error());
    }
    if (auto taken = take_number(properties, name + "-max-length", limit.length); !taken) {
      return std::unexpected(taken.error());
    }
  }
  if (auto taken = take_number(properties, "iops-size", limits.iops_size); !taken) {
    return std::unexpected(taken.error());
  }
  if (!properties.empty()) {
    return invalid(fmt::format("Parameter '{}' is unexpected", properties.begin()->first));
  }
  if (auto good = limits.check(); !good) return std::unexpected(good.error());
  return std::make_shared<ThrottleGroup>(limits);
}

}  // namespace oxbow::tools
