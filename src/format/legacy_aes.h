// The encryption of old qcow and qcow2 images: AES with the passphrase itself
// for its key.
#pragma once

#include <memory>

#include "base/result.h"
#include "codec/secret_bytes.h"
#include "format/encrypted_data.h"

namespace oxbow::format {

/// The passphrase is cut, or filled up with zeroes, to the key's 16 bytes.
Result<std::unique_ptr<EncryptedData>> open_legacy_aes(const codec::SecretBytes& passphrase);

}  // namespace oxbow::format
