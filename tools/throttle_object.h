// The object "throttle-group" of --object: limits that nodes share by the filter "throttle".
#pragma once

#include <oxbow/throttle.h>

#include <map>
#include <memory>
#include <string>

namespace oxbow::tools {

/// Takes the limits ("limits.bps-total=...", or "x-bps-total=...") out of `properties`; errors have
/// the stock tools' words, also about a property that is left.
Result<std::shared_ptr<ThrottleGroup>> make_throttle_group(
    std::map<std::string, std::string> properties);

}  // namespace oxbow::tools
