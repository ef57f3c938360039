// --object: user-creatable objects named on the command line. Secrets are kept for whoever
// asks for them by id; what this build cannot make is refused, never silently ignored.
#pragma once

#include <oxbow/error.h>
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

 private:
  Result<std::string> decrypted(std::string bytes, const std::string& key_id,
                                const std::optional<std::string>& iv) const;

  std::map<std::string, std::string> secrets_;
};

/// What the library asks for; it sees objects that are added later, too.
SecretSource secrets_of(std::shared_ptr<const ObjectSet> objects);

}  // namespace oxbow::tools
