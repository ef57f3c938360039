#include "format/legacy_aes.h"

#include <algorithm>

namespace oxbow::format {
namespace {

constexpr size_t key_bytes = 16;

}  // namespace

Result<std::unique_ptr<EncryptedData>> open_legacy_aes(const codec::SecretBytes& passphrase) {
  codec::SecretBytes key(key_bytes);
  const size_t used = std::min(passphrase.size(), key_bytes);
  std::ranges::copy(passphrase.span().first(used), key.span().begin());
  const codec::SectorCipherSpec spec{codec::CipherAlgorithm::aes_128, codec::CipherMode::cbc,
                                     codec::IvGenerator::plain64, std::nullopt};
  TRY_ASSIGN(auto cipher, codec::SectorCipher::create(spec, key.span()));
  return std::make_unique<EncryptedData>(std::move(cipher));
}

}  // namespace oxbow::format
