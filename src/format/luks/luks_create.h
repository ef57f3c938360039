// New LUKS volumes: options in the stock tools' words, and the header written.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "format/luks/key_slots.h"

namespace oxbow::format::luks {

struct LuksCreateOptions {
  codec::SectorCipherSpec spec;
  codec::HashAlgorithm hash = codec::HashAlgorithm::sha256;
  uint64_t iter_time = 2000;  ///< milliseconds of CPU time to spend in PBKDF2
};

/// Takes "cipher-alg", "cipher-mode", "ivgen-alg", "ivgen-hash-alg", "hash-alg" and "iter-time" out
/// of `words`; what is left is somebody else's. Errors are the stock tool's sentences.
Result<LuksCreateOptions> take_create_options(std::map<std::string, std::string>& words);

/// Writes the header of a volume with a new key, slot 0 opened by `passphrase`, to where nothing
/// but zeroes is. Gives the new header; what is behind its payload_offset() is the caller's.
Task<LuksHeader> create_header(HeaderBytes& bytes, const LuksCreateOptions& options,
                               Passphrase passphrase);

}  // namespace oxbow::format::luks
