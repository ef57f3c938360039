// Key slots: the volume's key got out of one with a passphrase, put into one, taken out of one.
// Whatever costs time runs on the worker pool.
#pragma once

#include <optional>

#include "format/luks/header_bytes.h"
#include "format/luks/luks_header.h"

namespace oxbow::format::luks {

using Passphrase = std::span<const std::byte>;

Task<LuksHeader> read_header(HeaderBytes& bytes);

/// The volume's key. permission: no slot has this passphrase.
Task<codec::SecretBytes> unlock(HeaderBytes& bytes, const LuksHeader& header,
                                Passphrase passphrase);

/// The volume's key, if this active slot has the passphrase.
Task<std::optional<codec::SecretBytes>> open_slot(HeaderBytes& bytes, const LuksHeader& header,
                                                  unsigned slot, Passphrase passphrase);

/// Iterations that take about `milliseconds` of CPU time to derive `length` bytes, at least
/// min_iterations.
Task<uint32_t> count_iterations(codec::HashAlgorithm hash, size_t length, uint64_t milliseconds);

/// Puts the key into a slot that is not active. It becomes active, on disk and in `header`, in the
/// last write; a crash before leaves it as inactive as it was.
Task<> fill_slot(HeaderBytes& bytes, LuksHeader& header, unsigned slot,
                 const codec::SecretBytes& key, Passphrase passphrase, uint32_t iterations);

/// The slot is inactive first, then its material is overwritten.
Task<> erase_slot(HeaderBytes& bytes, LuksHeader& header, unsigned slot);

/// Fills in the digest of a new volume's key.
Task<> set_digest(LuksHeader& header, const codec::SecretBytes& key, uint32_t iterations);

}  // namespace oxbow::format::luks
