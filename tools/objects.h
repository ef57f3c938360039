// --object: user-creatable objects named on the command line. Secrets and throttle groups are kept
// for whoever asks for them by id; what this build cannot make is refused, never silently ignored.
#pragma once

#include <oxbow/options.h>

#include <map>
#include <memory>
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
  Result<std::string> decrypted(std::string bytes, const std::string& key_id,
                                const std::optional<std::string>& iv) const;

  std::map<std::string, std::string> secrets_;
  std::map<std::string, std::shared_ptr<ThrottleGroup>> throttle_groups_;
};

/// What the library asks for; it sees objects that are added later, too.
SecretSource secrets_of(std::shared_ptr<const ObjectSet> objects);

}  // namespace oxbow::tools
