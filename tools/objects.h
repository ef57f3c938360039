// --object: user-creatable objects named on the command line. Secrets and throttle groups are kept
// for whoever asks for them by id; what this build cannot make is refused, never silently ignored.
#pragma once

#include <oxbow/options.h>

#include <map>
#include <string>
#include <string_view>

namespace oxbow::tools {

class ObjectSet {
 public:
  /// Adds what `text` describes: "secret,id=s0,data=..." or the same as a JSON object.
  Result<void> add(std::string_view text);
  /// The bytes of secret `id`; nullptr where there is none.
  [[nodiscard]] const std::string* secret(const std::string& id) const;
  /// What an image that is opened with these options may name.
  void give_to(OpenOptions& options) const { options.throttle_groups = throttle_groups_; }

 private:
  Result<void> make(const std::string& type, const std::string& id,
                    std::map<std::string, std::string> properties);

  std::map<std::string, std::string> secrets_;
  std::map<std::string, std::shared_ptr<ThrottleGroup>> throttle_groups_;
};

}  // namespace oxbow::tools
