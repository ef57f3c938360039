// Passphrases by the ids of their secrets, with the stock tools' sentences.
#pragma once

#include <oxbow/options.h>

#include "base/result.h"
#include "codec/secret_bytes.h"

namespace oxbow::api {

/// Errors: not_found, or invalid_argument where the bytes are no text.
Result<codec::SecretBytes> find_passphrase(const SecretSource& secrets, const std::string& id);

/// The same where an id must have been given; `parameter`: the key that would have said it.
Result<codec::SecretBytes> need_passphrase(const SecretSource& secrets,
                                           const std::optional<std::string>& id,
                                           std::string_view parameter);

}  // namespace oxbow::api
